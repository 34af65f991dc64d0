"""The plots of a run report as HTML and SVG, of any width: shapes are placed in percent, words keep their size.

Nothing is told by colour alone: every look is a colour with a hatching of its own, and its number stands beside it. A plot has a text
alternative; one whose numbers stand in a table is hidden from readers of the screen instead. `Html` is text that has been escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from math import log10
from typing import Final, NewType

Html = NewType("Html", str)

NARROW: Final = "\N{NARROW NO-BREAK SPACE}"  # between a number and its unit
PLOT_PX: Final = 170  # height of a histogram or line without its axis
AXIS_PX: Final = 24  # under it, and above it for numbers
CROWDED: Final = 8  # bars of a histogram, beyond which their numbers are left out on a small screen
LABELLED: Final = 0.07  # share of a stacked bar from which a part has its number above it
LEAST: Final = 0.35  # decades under 1 at which a logarithmic axis begins, so that a count of 1 is a bar
SLIVER: Final = 0.4  # percent: the least width of a part, so that it is seen


class Look(StrEnum):
    """How a shape is filled; the hatchings of `patterns`."""

    PLAIN = "plain"
    GOOD = "good"
    STRIPES = "stripes"  # of the colour of what is to be looked at
    BAD = "bad"
    UPRIGHT = "upright"  # ... of what is bad
    CROSS = "cross"
    DOTS = "dots"
    WAITING = "waiting"
    WORKING = "working"
    OFF = "off"
    FAINT = "faint"


_HATCHED: Final = {
    Look.STRIPES: ("look", "M-2 2l4 -4M0 8l8 -8M6 10l4 -4"),
    Look.UPRIGHT: ("bad", "M2 0v8M6 0v8"),
    Look.CROSS: ("bad", "M0 0l8 8M8 0l-8 8"),
    Look.DOTS: ("bad", "M2 2h.1M6 6h.1"),
    Look.WAITING: ("wait", "M2 2h.1M6 6h.1"),
    Look.WORKING: ("wait", "M0 4h8"),
    Look.FAINT: ("off", "M0 0l8 8"),
}
_SOLID: Final = {Look.PLAIN: "bar", Look.GOOD: "good", Look.BAD: "bad", Look.OFF: "off"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: what it is, how many, how it looks."""

    name: str
    count: int
    look: Look


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a bar chart: its label (and a note below it), its number as it is printed, and its length, of which `parts` may be told
    apart."""

    label: Html
    shown: str
    parts: tuple[Part, ...]
    note: Html = Html("")

    @property
    def length(self) -> int:
        return sum(part.count for part in self.parts)


def said(text: str) -> Html:
    """A stranger's text: escaped, and of a direction of its own."""
    return Html(f"<bdi>{escape(text)}</bdi>")


def number(count: int) -> str:
    """With separators of thousands."""
    return f"{count:,}"


def short(count: int) -> str:
    """A number above a bar: 9,999, 12 k, 339 k, 1.2 M."""
    if count < 10_000:
        return number(count)
    size, unit = (1000, "k") if count < 999_500 else (10**6, "M")
    return f"{count / size:,.{1 if count < 10 * size else 0}f}{NARROW}{unit}"


def percent(count: int, of: int) -> str:
    """A share: 0.3 %, 47 %; never 0 or 100 unless it is."""
    share = 100 * count / of if of else 0.0
    if 0 < share < 0.1:
        return f"under 0.1{NARROW}%"
    if 99.9 < share < 100:
        return f"over 99.9{NARROW}%"
    return f"{share:.{0 if share in (0, 100) or 10 <= share < 99 else 1}f}{NARROW}%"


def patterns() -> Html:
    """The hatchings that all plots of a page refer to; once a page."""
    defined = "".join(
        f'<pattern id="{look}" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="var(--{colour})"/>'
        f'<path d="{path}" stroke="var(--card)" stroke-width="1.8" stroke-linecap="round" fill="none"/></pattern>'
        for look, (colour, path) in _HATCHED.items()
    )
    return Html(f'<svg class="patterns" width="0" height="0" aria-hidden="true"><defs>{defined}</defs></svg>')


def _fill(look: Look) -> str:
    return f"url(#{look})" if look in _HATCHED else f"var(--{_SOLID[look]})"


# -- bars


def stacked(parts: Sequence[Part], about: str) -> Html:
    """One bar of all parts, their numbers above them where there is room, and a legend with all numbers."""
    total = sum(part.count for part in parts)
    alternative = f"{about}: " + ", ".join(f"{part.name} {number(part.count)}" for part in parts)
    drawn = "".join(_labelled(part, start, width) for part, start, width in _placed(parts, total))
    svg = f'<svg class="stacked" width="100%" height="56" role="img" aria-label="{escape(alternative)}">{drawn}</svg>'
    return Html(f'<figure>{svg}<ul class="legend">{"".join(_legend(part, total) for part in parts)}</ul></figure>')


def _placed(parts: Sequence[Part], total: int) -> Iterable[tuple[Part, float, float]]:
    """Each part with where it begins and how wide it is, in percent of the whole; small ones are as wide as can be seen."""
    widths = [max(100 * part.count / total, SLIVER) if part.count else 0.0 for part in parts]
    scale, start = 100 / max(sum(widths), 100.0), 0.0
    for part, width in zip(parts, widths, strict=True):
        yield part, start, width * scale
        start += width * scale


def _labelled(part: Part, start: float, width: float) -> str:
    rect = (
        f'<rect class="part" x="{start:.3f}%" y="20" width="{width:.3f}%" height="34" fill="{_fill(part.look)}">'
        f"<title>{escape(part.name)}: {number(part.count)}</title></rect>"
    )
    if width < 100 * LABELLED:
        return rect
    return f'{rect}<text x="{start + width / 2:.3f}%" y="14" text-anchor="middle">{number(part.count)}</text>'


def _legend(part: Part, total: int) -> str:
    return (
        f'<li>{swatch(part.look)}<span class="name">{escape(part.name)}</span> <span class="number">{number(part.count)}</span> '
        f'<span class="share">{percent(part.count, total)}</span></li>'
    )


def swatch(look: Look) -> Html:
    """A small square of a look, for a legend."""
    square = f'<rect class="part" width="16" height="16" rx="3" fill="{_fill(look)}"/>'
    return Html(f'<svg class="swatch" width="16" height="16" aria-hidden="true">{square}</svg>')


def bars(rows: Sequence[Bar], heads: tuple[str, str]) -> Html:
    """A table of labels and numbers with a bar under each label, of a common scale; `heads` name its columns."""
    longest = max((row.length for row in rows), default=0) or 1
    lines = "".join(
        f'<tr><th scope="row">{row.label}{f"<small>{row.note}</small>" if row.note else ""}{_strip(row.parts, longest)}</th>'
        f'<td class="number">{escape(row.shown)}</td></tr>'
        for row in rows
    )
    head = f'<tr><th scope="col">{escape(heads[0])}</th><th scope="col" class="number">{escape(heads[1])}</th></tr>'
    return Html(f'<table class="bars"><thead>{head}</thead><tbody>{lines}</tbody></table>')


def _strip(parts: Sequence[Part], longest: int) -> str:
    rects = "".join(
        f'<rect class="part" x="{start:.3f}%" width="{width:.3f}%" height="10" fill="{_fill(part.look)}"/>'
        for part, start, width in _placed(parts, longest)
    )
    return f'<svg class="strip" width="100%" height="10" aria-hidden="true"><rect class="track" width="100%" height="10"/>{rects}</svg>'


def key(parts: Sequence[tuple[str, Look]]) -> Html:
    """What the looks of a bar chart mean."""
    entries = "".join(f'<li>{swatch(look)}<span class="name">{escape(name)}</span></li>' for name, look in parts)
    return Html(f'<ul class="legend">{entries}</ul>')


# -- plots with axes


def histogram(bins: Sequence[int], inner: Sequence[int], ticks: Sequence[tuple[float, str]], about: str) -> Html:
    """Counts in bins of equal width on a logarithmic axis; `inner` counts what is drawn as a narrower bar in front of each. `ticks` are
    words at places in [0, 1] under the axis; `about` is the text alternative."""
    top = max(*bins, 10)
    width = 100 / len(bins)
    drawn = "".join(
        f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/><text class="tick" x="0" y="{y - 3:.1f}">{number(power)}</text>'
        for power, y in _decades(top)
    )
    for place, count in enumerate(bins):
        drawn += _column(count, top, width * (place + 0.08), width * 0.84, Look.PLAIN, labelled=True)
    for place, count in enumerate(inner):
        drawn += _column(count, top, width * (place + 0.3), width * 0.4, Look.STRIPES, labelled=False)
    return _plot(drawn + _axis(ticks), about, crowded=sum(map(bool, bins)) > CROWDED)


def _decades(top: int) -> Iterable[tuple[int, float]]:
    power = 1
    while power <= top:
        yield power, _height_at(power, top)
        power *= 10


def _height_at(count: int, top: int) -> float:
    """Pixels from the upper edge."""
    return AXIS_PX + PLOT_PX * (1 - (log10(count) + LEAST) / (log10(top) + LEAST))


def _column(count: int, top: int, start: float, width: float, look: Look, *, labelled: bool) -> str:
    if not count:
        return ""
    y = _height_at(count, top)
    rect = (
        f'<rect class="part" x="{start:.3f}%" width="{width:.3f}%" y="{y:.1f}" height="{AXIS_PX + PLOT_PX - y:.1f}" fill="{_fill(look)}"/>'
    )
    label = f'<text class="count" x="{start + width / 2:.3f}%" y="{y - 5:.1f}" text-anchor="middle">{short(count)}</text>'
    return rect + label * labelled


def _axis(ticks: Sequence[tuple[float, str]]) -> str:
    """The line under a plot, with words under it, each at its place in [0, 1]."""
    y = AXIS_PX + PLOT_PX
    return f'<line class="axis" x1="0" x2="100%" y1="{y}" y2="{y}"/>' + "".join(
        f'<text class="tick" x="{100 * place:.2f}%" y="{y + 17}" text-anchor="{_anchor(place)}">{escape(tick)}</text>'
        for place, tick in ticks
    )


def _anchor(place: float) -> str:
    return "start" if place <= 0 else "end" if place >= 1 else "middle"


def cumulative(points: Sequence[tuple[float, float]], ticks: Sequence[tuple[float, str]], about: str) -> Html:
    """A line that rises over points (place, share), both in [0, 1]; `ticks` are words at places under the axis."""
    path = " ".join(f"{100 * place:.2f},{100 * (1 - share):.2f}" for place, share in points)
    first, last = 100 * points[0][0], 100 * points[-1][0]
    grid = "".join(
        f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/><text class="tick" x="0" y="{y - 3:.1f}">{share}{NARROW}%</text>'
        for share in (50, 100)
        for y in (AXIS_PX + PLOT_PX * (1 - share / 100),)
    )
    line = f'<polygon class="area" points="{first:.2f},100 {path} {last:.2f},100"/><polyline class="line" points="{path}"/>'
    inner = f'<svg y="{AXIS_PX}" width="100%" height="{PLOT_PX}" viewBox="0 0 100 100" preserveAspectRatio="none">{line}</svg>'
    return _plot(grid + inner + _axis(ticks), about)


def _plot(drawn: str, about: str, *, crowded: bool = False) -> Html:
    size = f'width="100%" height="{AXIS_PX + PLOT_PX + AXIS_PX}"'
    look = "plot crowded" if crowded else "plot"
    return Html(f'<figure><svg class="{look}" {size} role="img" aria-label="{escape(about)}">{drawn}</svg></figure>')
