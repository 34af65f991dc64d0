"""Records for other programs: JSON Lines, JSON, CSV, workbooks, Parquet, DuckDB, SQLite. `export` is the door."""
