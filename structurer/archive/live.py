"""A run as it goes, on standard error: what is done, how fast, what it has cost so far, and when it may be over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from structurer.archive.tally import Tally
from structurer.show import plain
from structurer.store.runs import State

LOOKS_A_SECOND: Final = 4
RATE_S: Final = 60.0  # seconds over which the rate is taken
NAME: Final = 60  # characters of a document's name
_TOLD: Final = ((State.DONE, "green"), (State.NEEDS_REVIEW, "yellow"), *((state, "red") for state in (
    State.FAILED, State.REFUSED, State.UNREADABLE, State.QUARANTINED)))  # fmt: skip


class _View:
    """What is shown of a tally at each look."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._name = tally, ""
        self._marks: list[tuple[float, int]] = [(monotonic(), 0)]

    def begun(self, name: str) -> None:
        self._name = name

    def __rich__(self) -> RenderableType:
        tally = self._tally
        done = sum(tally.counts[state] for state, _ in _TOLD)
        rate = self._rate(done)
        left = tally.found - done
        said = [Text(f"{tally.counts[state]} {state}", style=style) for state, style in _TOLD if tally.counts[state]]
        said.append(Text(f"{tally.in_hand} in work"))
        said += [Text(f"{rate * 60:,.0f} a minute" if rate > 1 else f"{rate * 60:.2g} a minute")] if rate else []
        said += [Text(f"about {_duration(left / rate)} left")] if rate and left > 0 else []
        said += [Text(tally.book.line())] if tally.book.models else []
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(max(tally.found, 1), done, width=30), Text(f"{done}/{tally.found}"), plain(self._name, NAME))
        whole = Table.grid()
        whole.add_row(grid)
        whole.add_row(Text(", ").join(said))
        return whole

    def _rate(self, done: int) -> float:
        """Documents a second, lately."""
        now = monotonic()
        self._marks = [mark for mark in self._marks if now - mark[0] < RATE_S] or self._marks[-1:]
        self._marks.append((now, done))
        since, before = self._marks[0]
        return (done - before) / (now - since) if now > since else 0.0


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


@contextmanager
def watched(tally: Tally, *, shown: bool = True) -> Iterator[Callable[[str], None]]:
    """Shows the tally until the end, where standard error is a terminal; what it yields is to be told the name of each document begun."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    view = _View(tally)
    if not shown or not console.is_terminal:
        yield view.begun
        return
    with Live(view, console=console, refresh_per_second=LOOKS_A_SECOND, transient=True):
        yield view.begun
