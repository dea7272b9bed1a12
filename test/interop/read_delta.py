"""Reads a Delta table with delta-rs and with DuckDB's delta extension; prints what each saw as JSON.

Argument: {"path": ..., "version": n or null, "order": [columns] or null, "limit": n or null}.
Values are printed as binlake's own `Duck.json` prints them, so that both can be compared as they are.
"""

import decimal
import json
import math
import pathlib
import sys

import duckdb
import duckdb_extension_delta
import pyarrow as pa
from deltalake import DeltaTable


def plain(value, kind):
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
        return {field.name: plain(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        pairs = value.items() if isinstance(value, dict) else value
        return [{"key": plain(k, kind.key_type), "value": plain(v, kind.item_type)} for k, v in pairs]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_list_view(kind):
        return [plain(item, kind.value_type) for item in value]
    return value


def rows(table, order, limit):
    if order:
        table = table.sort_by([(column, "ascending") for column in order])
    if limit is not None:
        table = table.slice(0, limit)
    kinds = {field.name: field.type for field in table.schema}
    return [{name: plain(value, kinds[name]) for name, value in row.items()} for row in table.to_pylist()]


def seen(table, asked, version):
    return {
        "version": version,
        "count": table.num_rows,
        "columns": table.schema.names,
        "rows": rows(table, asked.get("order"), asked.get("limit")),
    }


def with_deltalake(asked):
    table = DeltaTable(asked["path"], version=asked.get("version"))
    return seen(table.to_pyarrow_table(), asked, table.version())


def with_duckdb(asked):
    folder = pathlib.Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"LOAD '{folder / 'delta.duckdb_extension'}'")
    version = asked.get("version")
    at = "" if version is None else f", version => {int(version)}"
    path = asked["path"].replace("'", "''")
    table = connection.execute(f"SELECT * FROM delta_scan('{path}'{at})").to_arrow_table()
    return seen(table, asked, version)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    json.dump({"deltalake": with_deltalake(asked), "duckdb": with_duckdb(asked)}, sys.stdout)
