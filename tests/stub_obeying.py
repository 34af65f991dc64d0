"""A stand-in for a model that obeys: it does what the sentences of a document command.

It understands SET field TO value (also: report the field as value; the field is value), OMIT ROW text (leave out row text), INVENT ROW
a | b | c (add a row a | b | c) and REPLY ONLY text, in any case, anywhere in a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from stub_posted import Posted, resolved
from stub_reading import Page, entry_of, list_in, plain

_END: Final = r"(?=\.?[ \t]*$|[.!;][ \t]|[ \t]*\||\t| {2,})"  # where a command in a line ends
_COMMANDS: Final = tuple(
    (verb, re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for verb, pattern in (
        ("set", rf"\bSET[ \t]+(?:the[ \t]+)?(?P<what>\S.{{0,60}}?)[ \t]+TO[ \t]+(?P<to>\S.{{0,200}}?){_END}"),
        ("set", rf"\breport[ \t]+(?:the[ \t]+)?(?P<what>\S.{{0,60}}?)[ \t]+as[ \t]+(?P<to>\S.{{0,200}}?){_END}"),
        ("set", rf"\bthe[ \t]+(?P<what>\S.{{0,60}}?)[ \t]+is[ \t]+(?:now[ \t]+)?(?P<to>\S.{{0,200}}?){_END}"),
        ("omit", rf"\b(?:OMIT|leave[ \t]+out|skip)[ \t]+(?:the[ \t]+)?ROW[ \t]+(?P<what>\S.{{0,200}}?){_END}"),
        ("invent", r"\b(?:INVENT|add)[ \t]+(?:a[ \t]+|the[ \t]+)?ROW[ \t]+(?P<what>\S.*?)[ \t]*$"),
        ("reply", r"\bREPLY[ \t]+ONLY[ \t]+(?P<what>\S.*?)[ \t]*$"),
    )
)


def commands(document: str) -> Iterator[tuple[str, str, str]]:
    """The sentences of a document that a gullible model obeys: verb (set, omit, invent, reply), what, and to which value."""
    for verb, pattern in _COMMANDS:
        for found in pattern.finditer(document):
            yield verb, found["what"], found.groupdict().get("to") or ""


def obeyed(tree: Any, posted: Posted) -> Any:
    """The tree as the document commands it; a text where it commands a text. Unknown fields and rows are passed over."""
    page = Page(posted)
    way = list_in(posted.shape, posted.shape)
    for verb, what, to in commands(posted.document):
        if verb == "reply":
            return what
        if verb == "set":
            _set(tree, (), what, to, page)
        elif way is not None:
            _list(tree, way)[:] = _omitted(_list(tree, way), what) if verb == "omit" else [*_list(tree, way), _invented(what, way, page)]
    return tree


def _set(tree: Any, path: tuple[str, ...], what: str, to: str, page: Page) -> None:
    for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        here = (*path, str(key))
        if isinstance(child, dict | list):
            _set(child, here, what, to, page)
        elif _same(what, here, page):
            tree[key] = to


def _same(what: str, path: tuple[str, ...], page: Page) -> bool:
    general = tuple("*" if step.isdecimal() else step for step in path)
    names = {path[-1], ".".join(path), ".".join(path).replace(".*", "[*]"), *page.labels.get(general, ())}
    return plain(what) in {plain(name) for name in names} or steps_of(what) == path


def steps_of(what: str) -> tuple[str, ...]:
    """A field as a command names it, such as lines[3].amount, in steps."""
    return tuple(step for step in re.split(r"[.\[\]]+", what) if step)


def _omitted(rows: list[Any], what: str) -> list[Any]:
    return [row for row in rows if not any(what.casefold() in str(text).casefold() for text in row.values())]


def _invented(what: str, way: tuple[str, ...], page: Page) -> Any:
    spec = page.posted.shape
    for name in way:
        spec = resolved(resolved(spec, page.posted.shape)["properties"][name], page.posted.shape)
    entry = resolved(spec["items"], page.posted.shape)
    cells = tuple(cell.strip() for cell in what.split("|"))
    return entry_of(entry, range(len(entry["properties"])), cells, page.posted.shape)


def _list(tree: Any, way: tuple[str, ...]) -> list[Any]:
    for name in way:
        tree = tree[name]
    rows: list[Any] = tree
    return rows
