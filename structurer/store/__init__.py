"""The truth about a run, kept in SQLite or PostgreSQL: documents, leases, results, ledger. `store` writes it, `storeview` reads it."""
