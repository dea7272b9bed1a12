"""Holds the engines open and answers requests, a JSON object a line, over a Unix socket.

Arguments: the socket's path, the folder of Delta's jars, a folder for scratch files. Ends with its standard input.
A connection's requests run one after the other; connections run side by side.
"""

import json
import os
import socketserver
import sys
import threading

import deeds
import reads
import spark


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        session = spark.Session()
        for line in self.rfile:
            request = json.loads(line)
            try:
                answer = {"result": self.answer(session, request)}
            except Exception as error:
                # Without the JVM's stack trace.
                answer = {"error": f"{type(error).__name__}: {str(error).split(chr(10) + chr(9) + 'at ')[0][:2000]}"}
            try:
                self.wfile.write(json.dumps(answer).encode() + b"\n")
            except BrokenPipeError:
                return

    def answer(self, session, request):
        match request.pop("do"):
            case "read":
                return reads.read(session, **request)
            case "spark":
                return session.sql(request["statements"])
            case "deltalake":
                return deeds.do(**request)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    address, spark.jars, spark.scratch = sys.argv[1:4]
    server = Server(address, Connection)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    spark.stop()
    os._exit(0)


if __name__ == "__main__":
    main()
