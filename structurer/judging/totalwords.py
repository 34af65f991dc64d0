"""Words by which a line says that it is a total, or what is carried on, and no row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_TOTALS: Final = re.compile(  # words for what sums up or is carried on
    "(?:sub)?totals?|sum|balance|carried|brought|opening|closing|previous|(?:zwischen)?summe|gesamt(?:summe)?|übertrag|(?:end|anfangs)?saldo"
    "|saldovortrag|solde|suma"
)
_BESIDE: Final = re.compile(  # words that stand beside them and name no row
    "[bcf]|sub|sous|forward|down|page|of|the|this|for|to|from|at|on|in|per|month|period|day|year|week|end|start|final|overall|grand|net|amount"
    "|account|statement|general|report|seite|der|des|und|bis|vortrag|reporté|anterior|[cd]r|eur|usd|gbp|chf|jpy|cny|rmb"
)
_TOTALS_CJK: Final = re.compile("[总合小共累]计|结余|余额|[承过][前次]页?|[承转][上下]页|结转|总额")
_BESIDE_CJK: Final = re.compile("[本上下][页月期年]|[期年月页][初末]|以上|金额|人民币|元")


def _role(word: str) -> int:
    """2 for a word for a total, 1 for one that stands beside such, 0 for any other."""
    rest = _TOTALS_CJK.sub("", word)
    if _TOTALS.fullmatch(word) or (rest != word and not _BESIDE_CJK.sub("", rest)):
        return 2
    return int(bool(_BESIDE.fullmatch(word)) or not _BESIDE_CJK.sub("", word))


def says_total(words: Sequence[str]) -> bool:
    """Whether the words of a line say that it is a total, and nothing else."""
    roles = [_role(word) for word in words]
    return 2 in roles and 0 not in roles


def begins_as_total(words: Sequence[str]) -> bool:
    """Whether a line names a total before any word of its own."""
    roles = [_role(word) for word in words]
    return 2 in roles[: roles.index(0) if 0 in roles else len(roles)]
