"""Processes that can do nothing but what they are for: no files, no network, bounded memory and time. `confined` is the door."""
