"""Recognition of print: the picture of a page becomes a sheet. `scans` is the door; `engine` alone runs the models."""
