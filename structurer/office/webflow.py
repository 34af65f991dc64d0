"""Running text of a web page as it is laid out: white space drawn together, lines broken, paragraphs parted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from structurer.sheets.sections import Block

_SPACE = re.compile(r"[ \t\r\n\f]+")  # not the no-break space
_INVISIBLE = re.compile("[\xad\u200b\u2060\ufeff]")  # where a line may or may not break


@dataclass(slots=True)
class Flow:
    """The blocks so far, and the paragraph that is being written. `mark` is the number or bullet of a list that waits for its text."""

    blocks: list[Block] = field(default_factory=list)
    mark: str = ""
    _pieces: list[str] = field(default_factory=list)

    def say(self, text: str, *, kept: bool = False) -> None:
        """Text goes on; white space in it is one space, unless it is `kept` as it is written."""
        text = _INVISIBLE.sub("", text)
        if not kept:
            text = _SPACE.sub(" ", text)
            if not self._pieces or self._pieces[-1][-1] in " \n":
                text = text.lstrip(" ")
        if text:
            self._pieces.append(text)

    def break_line(self) -> None:
        if self._pieces:
            self._pieces[-1] = self._pieces[-1].rstrip(" ") or "\n"
        self._pieces.append("\n")

    def end(self) -> None:
        """A paragraph ends here, if one has begun."""
        text = "".join(self._pieces).strip(" \n")
        if text.strip():
            self.blocks.append(self.mark + text)
            self.mark = ""
        self._pieces.clear()

    def end_with_mark(self) -> None:
        """The end of a list's entry, whose number stands even where it holds nothing else."""
        self.end()
        if self.mark.strip():
            self.blocks.append(self.mark.strip())
        self.mark = ""

    def add(self, blocks: tuple[Block, ...]) -> None:
        """Blocks that stand for themselves."""
        self.end()
        if blocks and self.mark:
            self.blocks.append(self.mark.strip())
            self.mark = ""
        self.blocks.extend(blocks)
