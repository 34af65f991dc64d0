"""Files become documents: formats by their first bytes, strangers' bytes in a locked process. `ingest` is the door."""
