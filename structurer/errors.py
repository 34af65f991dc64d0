"""Errors a user can act on: each says what, where and the next command, and owns its exit code.

Bad content of a document is never an exception: it becomes a value with a code. These classes are for bad use
(a file that cannot be opened, a schema that cannot be obeyed, a model that cannot be reached).
"""

from __future__ import annotations

from typing import Any, ClassVar


class StructurerError(Exception):
    """Base of all errors that a user, not a developer, can mend.

    what: one sentence without a full stop. where: file, JSON pointer or place in a text. remedy: the next command or edit.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process is told of it, whatever arguments its class takes."""
        return _told_again, (type(self), self.what, self.where, self.remedy)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f"\n  next: {self.remedy}" if self.remedy else "")


class UsageError(StructurerError):
    """The command or call asks for something that cannot be."""

    exit_code = 2


class InputError(StructurerError):
    """A file or folder that cannot be read as a document."""

    exit_code = 4


class ModelError(StructurerError):
    """The language model cannot be reached, refuses, or keeps answering badly."""

    exit_code = 5


class HaltError(ModelError):
    """The model will answer no other request of this run either: the key is refused, a quota or budget is used up, the endpoint is down."""


class TooLongError(ModelError):
    """A request does not fit into the model's context: less of the document at a time may."""


class SchemaError(StructurerError):
    """A schema that cannot be obeyed; `where` is a JSON pointer into it."""

    exit_code = 6


def _told_again(kind: type[StructurerError], what: str, where: str, remedy: str) -> StructurerError:
    error = kind.__new__(kind)
    StructurerError.__init__(error, what, where=where, remedy=remedy)
    return error
