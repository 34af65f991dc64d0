"""Layers of a PDF (optional content) that viewers do not show until somebody switches them on.

Loads pdfminer, so import it where a PDF is parsed. What says nothing understandable counts as switched on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pdfminer.pdftypes import PDFObjRef

from structurer.pdfobjects import array_in, mapping_in, name_in, resolved

DEEPEST: Final = 4  # conditions within each other; what lies deeper counts as shown
MOST_PARTS: Final = 32  # of one condition


class Layers:
    """Which groups of a document are off when it is opened."""

    def __init__(self, catalog: Mapping[str, Any]) -> None:
        self._off = _switched_off(mapping_in(catalog.get("OCProperties")))
        self._hidden: dict[int, tuple[object, bool]] = {}

    def hide(self, spec: object) -> bool:
        """Whether a group, or a condition on groups (ISO 32000-1, 8.11.2.2), hides what belongs to it."""
        if not self._off or spec is None:
            return False
        key = spec.objid if isinstance(spec, PDFObjRef) else -id(spec)
        if key not in self._hidden:
            self._hidden[key] = spec, self._is_off(spec, 0)  # with the object itself, so that no other gets its id
        return self._hidden[key][1]

    def _is_off(self, spec: object, depth: int) -> bool:
        if isinstance(spec, PDFObjRef) and spec.objid in self._off:
            return True
        condition = mapping_in(spec)
        if depth > DEEPEST or name_in(condition.get("Type")) == "OCG":
            return False
        if expression := array_in(condition.get("VE")):
            return not self._is_true(expression, depth + 1)
        groups = condition.get("OCGs")
        parts = array_in(groups) or ([groups] if isinstance(groups, PDFObjRef) else [])
        off = [self._is_off(part, depth + 1) for part in parts[:MOST_PARTS] if resolved(part) is not None]
        return bool(off) and not _shows(name_in(condition.get("P")), off)

    def _is_true(self, expression: Sequence[object], depth: int) -> bool:
        """Whether And, Or or Not of groups and further expressions holds."""
        operator, *parts = expression
        hold = [self._holds(part, depth + 1) for part in parts[:MOST_PARTS]]
        if name_in(operator) == "Not":
            return not all(hold)
        return any(hold) if name_in(operator) == "Or" else all(hold)

    def _holds(self, part: object, depth: int) -> bool:
        inner = array_in(part)
        if depth > DEEPEST:
            return True
        return self._is_true(inner, depth) if inner else not self._is_off(part, depth)


def _switched_off(properties: Mapping[str, Any]) -> frozenset[int]:
    """Object numbers of the groups that are off at the start (ISO 32000-1, 8.11.4.3), or off for viewing by their own usage."""
    start = mapping_in(properties.get("D"))
    off: set[int] = set()
    if name_in(start.get("BaseState")) == "OFF":
        off = set(_numbers(properties.get("OCGs"))) - set(_numbers(start.get("ON")))
    off.update(_numbers(start.get("OFF")))
    for usage in map(mapping_in, array_in(start.get("AS"))):
        if name_in(usage.get("Event")) == "View" and "View" in map(name_in, array_in(usage.get("Category"))):
            states = {group.objid: _view_state(group) for group in array_in(usage.get("OCGs")) if isinstance(group, PDFObjRef)}
            off = off - {group for group, state in states.items() if state == "ON"} | {g for g, state in states.items() if state == "OFF"}
    return frozenset(off)


def _view_state(group: object) -> str:
    return name_in(mapping_in(mapping_in(mapping_in(group).get("Usage")).get("View")).get("ViewState"))


def _shows(policy: str, off: Sequence[bool]) -> bool:
    if policy == "AllOn":
        return not any(off)
    if policy == "AllOff":
        return all(off)
    return any(off) if policy == "AnyOff" else not all(off)


def _numbers(spec: object) -> Iterator[int]:
    return (group.objid for group in array_in(spec) if isinstance(group, PDFObjRef))
