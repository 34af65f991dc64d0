"""What the sections of a run report are made of: words for counts, times and money, lists that say how much more there is, and tables.

Whatever comes from documents, schemas or models goes through `text`: escaped, without control characters, of a direction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Final

from structurer.contracts.schema import Group, Node, Rows, Schema
from structurer.endpoints.book import Spent
from structurer.runreport.charts import NARROW, Html, number, said
from structurer.show import plain

LISTED: Final = 10  # lines of a list, beyond which it says how many more there are
NONE: Final = Html("")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: `finding` is its first sentence; one without a body has nothing more to say."""

    id: str
    title: str
    finding: Html
    body: Html = NONE


def text(value: str) -> Html:
    """A stranger's text."""
    return said(plain(value).plain)


def html(*parts: str) -> Html:
    """Pieces of HTML, one behind the other: what stands here in plain words or has been escaped."""
    return Html("".join(parts))


def counted(count: int, what: str, several: str = "") -> str:
    """1 document, 4,300 documents."""
    return f"{number(count)} {what if count == 1 else several or what + 's'}"


def those(count: int, of: int, what: str) -> str:
    """4 of 5 documents; all 5 documents; the only document; none of 5 documents."""
    if count == of:
        return f"the only {what}" if of == 1 else f"all {number(of)} {what}s"
    return f"{number(count) if count else 'none'} of {number(of)} {what}{'s' * (of != 1)}"


def begun(sentence: str) -> Html:
    """A sentence with its first letter a capital."""
    return Html(sentence[:1].upper() + sentence[1:])


def moment(iso: str) -> Html:
    """A time of UTC as a person writes it."""
    return html(f'<time datetime="{escape(iso)}">{escape(iso.replace("T", " ").replace("+00:00", " UTC"))}</time>')


def between(began: str, ended: str) -> float | None:
    """Seconds from one time to another; None where one is no time."""
    try:
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    except ValueError:
        return None


def lasting(seconds: float) -> str:
    """0.4 s, 12 s, 4 min 05 s, 2 h 13 min, 3 d 4 h."""
    if 0 < seconds < 0.01:
        return f"under 0.01{NARROW}s"
    if seconds < 60:
        return f"{seconds:{'.2g' if seconds < 10 else '.0f'}}{NARROW}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    words = f"{minutes} min {rest:02} s" if not hours else f"{hours} h {left:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
    return words.replace(" ", NARROW)


def money(amount: Decimal) -> str:
    """To a hundredth, below 1 to two digits; never 0 unless it is."""
    places = 2 if amount >= 1 or not amount else max(2, 1 - amount.adjusted())
    return f"{amount:,.{places}f}"


def costs(spent: Spent) -> str:
    """What calls cost, in each currency, and whether that is all."""
    known = ", ".join(f"{money(amount)} {text(currency)}" for currency, amount in spent.costs)
    if spent.unpriced:
        return f"{known} and more" if known else "not known"
    return known or "0"


def table(heads: Sequence[str], rows: Iterable[Sequence[Html]], about: str, *, figures: int, summed: bool = False) -> Html:
    """A table whose last `figures` columns are numbers; it may be pushed sideways where it is too wide. The last row may be a sum."""
    words = len(heads) - figures
    lines = [
        "".join(f'<th scope="row">{cell}</th>' if at == 0 else f"<td{_numeric(at >= words)}>{cell}</td>" for at, cell in enumerate(row))
        for row in rows
    ]
    marks = [""] * (len(lines) - 1) + [' class="sum"' if summed else ""]
    body = "".join(f"<tr{mark}>{line}</tr>" for mark, line in zip(marks, lines, strict=True))
    head = "".join(f'<th scope="col"{_numeric(at >= words)}>{escape(name)}</th>' for at, name in enumerate(heads))
    opening = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(about)}">'
    return html(f"{opening}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


def _numeric(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def note(sentence: str) -> Html:
    """A sentence below a plot or table; nothing of nothing."""
    return html(f'<p class="note">{sentence}</p>') if sentence else NONE


def titled(title: str, *parts: str) -> Html:
    """A part of a section under a heading of its own; nothing of nothing."""
    return html(f"<div><h3>{title}</h3>", *parts, "</div>") if any(parts) else NONE


def columns(*parts: Html) -> Html:
    """Side by side where there is room."""
    return html('<div class="columns">', *parts, "</div>") if any(parts) else NONE


def few(names: Sequence[Html], count: int) -> Html:
    """The first names of so many."""
    more = f" and {number(count - len(names))} more" if count > len(names) else ""
    return html(", ".join(names), more)


# -- what a schema calls its fields


def field_of(schema: Schema | None, pattern: str) -> tuple[Html, Html]:
    """A field, row or list as its names, and as it is printed on the form ("" where that says nothing new). `pattern` is a JSON pointer
    with "*" for numbers."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pattern.split("/")[1:]]
    if not steps:
        return Html("the whole record"), NONE
    whole = " (a row)" if steps[-1] == "*" else ""
    names = html(" › ".join(text(step) for step in steps if step != "*"), whole)
    node = _node(schema.root, steps) if schema else None
    printed = (node.printed.labels[:1] or (node.printed.title,))[0] if node else ""
    return names, text(printed) if printed and printed != steps[-1] else NONE


def _node(node: Node | None, steps: Sequence[str]) -> Node | None:
    for step in steps:
        node = node.member(step) if isinstance(node, Group) else node.row if isinstance(node, Rows) else None
    return node
