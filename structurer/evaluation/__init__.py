"""How good the whole way is: cases whose truth is known, read and scored leaf by leaf. `report` is the door."""
