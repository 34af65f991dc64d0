"""Names of tables and columns made of names from strangers' schemas: bounded, harmless where they are used, and told apart in any case."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LENGTH: Final = 54  # characters of a name before it is numbered: even at four bytes each there is room in the 255 bytes of a file name
_SQLITE_OWN: Final = "sqlite_"  # names that SQLite keeps for itself
_NO_WORD: Final = re.compile(r"\W+")
_NO_FILE: Final = re.compile(r"[^\w.-]+|^\.+")
_NO_PRINT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


@dataclass(frozen=True, slots=True)
class Style:
    """What names of tables and of columns may not hold, and the most columns of leaves that a table may have."""

    tables: re.Pattern[str]
    columns: re.Pattern[str]
    width: int


FOR_SQL: Final = Style(_NO_WORD, _NO_WORD, 900)  # SQLite takes 2,000 columns: as many again for scaled integers, and the keys
FOR_PEOPLE: Final = Style(_NO_FILE, _NO_PRINT, 16_000)  # a table's name is a file's; Excel takes 16,384 columns


class Names:
    """Names without what is `unwanted` that are different whatever the case; those that are `taken` already are given to nobody."""

    def __init__(self, unwanted: re.Pattern[str], taken: Iterable[str]) -> None:
        self._unwanted, self._taken, self._alike = unwanted, {folded(name) for name in taken}, Counter[str]()

    def new(self, name: str) -> str:
        """The name, numbered where another is alike."""
        plain = found = self._written(name)
        while folded(found) in self._taken:
            self._alike[folded(plain)] += 1
            found = f"{plain}_{self._alike[folded(plain)] + 1}"
        self._taken.add(folded(found))
        return found

    def _written(self, name: str) -> str:
        found = self._unwanted.sub("_", name)[:LENGTH] or "_"
        return f"_{found}" if found.casefold().startswith(_SQLITE_OWN) else found


def folded(name: str) -> str:
    """Alike for file systems and databases that disregard case, or take one form of a character for another."""
    return unicodedata.normalize("NFKC", name).casefold()
