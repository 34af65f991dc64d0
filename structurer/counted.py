"""Counts in words."""


def counted(count: int, word: str) -> str:
    """1 document, 3 documents."""
    return f"{count} {word}{'s' * (count != 1)}"
