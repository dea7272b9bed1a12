"""Runs what `binlake tables --ddl duckdb` prints in a DuckDB of its own, then queries. Argument: {"statements": [...], "queries": [...]}.

Prints the rows of each query as JSON. The delta extension comes from a package: INSTALL and LOAD of it are done from there.
"""

import json
import pathlib
import sys

import duckdb
import duckdb_extension_delta

asked = json.loads(sys.argv[1])
folder = pathlib.Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}"
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute("SET TimeZone = 'UTC'")
for statement in asked["statements"]:
    if statement == "INSTALL delta":
        continue
    if statement == "LOAD delta":
        statement = f"LOAD '{folder / 'delta.duckdb_extension'}'"
    connection.execute(statement)
answers = [connection.execute(query).fetchall() for query in asked["queries"]]
json.dump(answers, sys.stdout, default=str)
