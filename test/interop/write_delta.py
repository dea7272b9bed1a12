"""Changes a Delta table of ours as another writer would, with delta-rs. Arguments: path, then one of append, optimize, checkpoint, vacuum."""

import json
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

path, deed = sys.argv[1:3]
table = DeltaTable(path)
if deed == "append":
    rows = pa.table({"id": pa.array([9007199254740993], pa.int64()), "name": pa.array(["delta-rs"], pa.string())})
    write_deltalake(table, rows, mode="append")
elif deed == "optimize":
    table.optimize.compact()
elif deed == "checkpoint":
    table.create_checkpoint()
elif deed == "vacuum":
    print(json.dumps(sorted(table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True))))
else:
    sys.exit(f"unknown deed {deed}")
