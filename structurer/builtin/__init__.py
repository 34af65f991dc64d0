"""The built-in reader: forms read by their printed labels, without any model. `reader` is the door."""
