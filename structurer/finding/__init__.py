"""Finding files: below folders, in archives, in an inbox. `discover` and `inbox` are the doors."""
