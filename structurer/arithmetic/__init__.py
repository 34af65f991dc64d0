"""The language of checks, an island: names and exact numbers, nothing of documents. `grammar` parses, `checks` confronts."""
