"""What delta-rs does to a table of ours, as another writer would."""

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake


def do(path, deed, options=None, **more):
    return _deeds[deed](path, options, **more)


def _append(path, options, columns, rows):
    """`columns`: [name, Arrow type] of each; rows are arrays of their values."""
    schema = pa.schema([pa.field(name, getattr(pa, kind)()) for name, kind in columns])
    table = pa.table([pa.array(values, field.type) for values, field in zip(zip(*rows), schema)], schema=schema)
    # A writer that loses a race tries again; 15 times, delta-rs' default, is not enough against a loop of commits.
    patience = CommitProperties(max_commit_retries=1000)
    write_deltalake(path, table, mode="append", schema_mode="merge", storage_options=options, commit_properties=patience)


def _merge(path, options, columns, rows, on, set):
    """Rows whose `on` columns match get the columns `set`, the others are inserted."""
    schema = pa.schema([pa.field(name, getattr(pa, kind)()) for name, kind in columns])
    source = pa.table([pa.array(values, field.type) for values, field in zip(zip(*rows), schema)], schema=schema)
    table = DeltaTable(path, storage_options=options)
    merge = table.merge(source, " AND ".join(f"t.{c} = s.{c}" for c in on), source_alias="s", target_alias="t")
    updates = {c: f"s.{c}" for c in set}
    merge.when_matched_update(updates).when_not_matched_insert(updates | {c: f"s.{c}" for c in on}).execute()


def _create(path, options, columns, rows, configuration=None, partition_by=None):
    schema = pa.schema([pa.field(name, getattr(pa, kind)()) for name, kind in columns])
    table = pa.table([pa.array(values, field.type) for values, field in zip(zip(*rows), schema)], schema=schema)
    write_deltalake(path, table, configuration=configuration, partition_by=partition_by, storage_options=options)


def _vacuum(path, options, hours, dry):
    table = DeltaTable(path, storage_options=options)
    return sorted(table.vacuum(retention_hours=hours, enforce_retention_duration=False, dry_run=dry))


_deeds = {
    "append": _append,
    "merge": _merge,
    "create": _create,
    "vacuum": _vacuum,
    "optimize": lambda path, options: DeltaTable(path, storage_options=options).optimize.compact()["numFilesRemoved"],
    "checkpoint": lambda path, options: DeltaTable(path, storage_options=options).create_checkpoint(),
    "cleanup": lambda path, options: DeltaTable(path, storage_options=options).cleanup_metadata(),
    "delete": lambda path, options, where: DeltaTable(path, storage_options=options).delete(where)["num_deleted_rows"],
    "version": lambda path, options: DeltaTable(path, storage_options=options).version(),
}
