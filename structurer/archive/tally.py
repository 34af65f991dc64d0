"""What came of a run in numbers, and the exit code that they amount to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from structurer.endpoints.book import Book
from structurer.store.runs import FINISHED, State

GRAVITY: Final = (1, 2, 6, 5, 4, 3)  # exit codes, gravest first: bug, usage, schema, model, input, review
CODES: Final = {State.UNREADABLE: 4, State.QUARANTINED: 4, State.REFUSED: 5, State.FAILED: 5, State.NEEDS_REVIEW: 3}


@dataclass(slots=True)
class Tally:
    """What came of a run: documents and files by state, sums over all that hold a result. While it goes on `counts` are of what this worker
    has found and done, `in_hand` of what it is at; at the end all is of the whole run."""

    counts: Counter[State] = field(default_factory=Counter)
    found: int = 0
    in_hand: int = 0
    records: int = 0
    held: int = 0
    failed: int = 0
    flagged: int = 0
    bugs: int = 0
    book: Book = field(default_factory=Book)
    halted: str = ""  # why a model answers no more

    @property
    def documents(self) -> int:
        """Those that hold a result."""
        return sum(self.counts[state] for state in FINISHED)

    @property
    def left(self) -> int:
        """Documents and files of which nothing came."""
        return sum(count for state, count in self.counts.items() if state not in (*FINISHED, State.SKIPPED, State.GONE))

    @property
    def exit_code(self) -> int:
        """The gravest of what happened, in the order of GRAVITY."""
        happened = {code for state, code in CODES.items() if self.counts[state]}
        happened |= {1} if self.bugs else set()
        happened |= {5} if self.halted else set()
        return next((code for code in GRAVITY if code in happened), 0)
