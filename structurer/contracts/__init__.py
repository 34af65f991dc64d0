"""Schemas as contracts: JSON Schema files as trees of fields, and what their checks can see. `contract` is the door."""
