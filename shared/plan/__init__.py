"""Planning: from the files of a drop and the ledger to batches ready to post. DuckDB does the set work."""
