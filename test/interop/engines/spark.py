"""Spark with Delta, started once, by whoever asks first."""

import threading

jars = scratch = None
_starting = threading.Lock()
_first = None

_settings = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    # VACUUM lists folders in so many tasks, 10,000 if nobody says otherwise.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    # A table removed and made again at the same path by a test must not be served from memory.
    "spark.databricks.delta.stalenessLimit": "0",
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
}


def _start():
    global _first
    with _starting:
        if _first is None:
            from pyspark.sql import SparkSession

            builder = SparkSession.builder.master("local[1]").appName("binlake-interop")
            for name, value in _settings.items():
                builder = builder.config(name, value)
            builder = builder.config("spark.driver.extraClassPath", f"{jars}/*")
            builder = builder.config("spark.sql.warehouse.dir", f"{scratch}/warehouse").config("spark.local.dir", scratch)
            _first = builder.getOrCreate()
            _first.sparkContext.setLogLevel("ERROR")
        return _first


def stop():
    if _first is not None:
        _first.stop()


class Session:
    """What is SET in one session is not in another."""

    def __init__(self):
        self._session = None

    def get(self):
        if self._session is None:
            self._session = _start().newSession()
        return self._session

    def sql(self, statements):
        rows = []
        for text in statements:
            rows = [json_row(row) for row in self.get().sql(text).collect()]
        return rows


def json_row(row):
    return {name: plain(value) for name, value in row.asDict(recursive=True).items()}


def plain(value):
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
