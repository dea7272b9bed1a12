"""Reads a Delta table with one engine; gives its rows as binlake's own `Duck.json` prints them, so that both can be compared as they are."""

import decimal
import math
import pathlib

import pyarrow as pa


def read(session, engine, path, version=None, where=None, options=None):
    table = _engines[engine](session, path, version, where, options)
    kinds = {field.name: field.type for field in table.schema}
    rows = [{name: _plain(value, kinds[name]) for name, value in row.items()} for row in table.to_pylist()]
    return {"columns": table.schema.names, "rows": rows}


def _spark(session, path, version, where, options):
    reader = session.get().read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    frame = reader.load(path)
    return (frame if where is None else frame.where(where)).toArrow()


def _deltalake(session, path, version, where, options):
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(path, version=version, storage_options=options)
    if where is None:
        return table.to_pyarrow_table()
    found = QueryBuilder().register("seen", table).execute(f"SELECT * FROM seen WHERE {where}")
    return pa.table(found.read_all() if hasattr(found, "read_all") else found)


def _duckdb(session, path, version, where, options):
    import duckdb
    import duckdb_extension_delta

    folder = pathlib.Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"LOAD '{folder / 'delta.duckdb_extension'}'")
        at = "" if version is None else f", version => {int(version)}"
        quoted = path.replace("'", "''")
        condition = "" if where is None else f" WHERE {where}"
        return connection.execute(f"SELECT * FROM delta_scan('{quoted}'{at}){condition}").to_arrow_table()


def _polars(session, path, version, where, options):
    import polars

    frame = polars.scan_delta(path, version=version, storage_options=options)
    if where is not None:
        frame = frame.filter(polars.sql_expr(where))
    return frame.collect().to_arrow()


_engines = {"spark": _spark, "deltalake": _deltalake, "duckdb": _duckdb, "polars": _polars}


def _plain(value, kind):
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        text = value.strftime("%H:%M:%S") + (f".{value.microsecond:06d}".rstrip("0") if value.microsecond else "")
        return f"{value.date().isoformat()} {text}+00"
    if pa.types.is_date(kind):
        return value.isoformat()
    if pa.types.is_int64(kind) or pa.types.is_uint64(kind):
        return str(value)
    if pa.types.is_decimal(kind):
        return format(decimal.Decimal(value), "f")
    if pa.types.is_floating(kind):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return "".join(chr(b) if 0x20 <= b < 0x7F and chr(b) not in "\\'\"" else f"\\x{b:02X}" for b in value)
    if pa.types.is_struct(kind):
        return {field.name: _plain(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        pairs = value.items() if isinstance(value, dict) else value
        return [{"key": _plain(k, kind.key_type), "value": _plain(v, kind.item_type)} for k, v in pairs]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_list_view(kind):
        return [_plain(item, kind.value_type) for item in value]
    return value
