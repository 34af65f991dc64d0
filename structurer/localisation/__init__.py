"""Error localisation: the smallest sets of cells whose change lets all checks hold. `reconcile` is the door."""
