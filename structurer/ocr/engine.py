"""The recogniser of print: PP-OCRv6 (small) as the package rapidocr brings it, on OpenVINO; with a confidence of every character.

The models are used as their authors do (PaddleOCR 3, `DBPostProcess`, `CTCLabelDecode`), but for two things. The mean confidence of a line
hides the one doubtful digit, so every character keeps its own, lowered by what else the model saw beside it. And rapidocr is not imported:
it would download models that are missing. The classifier of directions is left out: it turns figures upside down and is sure of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from structurer.errors import InputError

INSTALL: Final = "pip install 'structurer[ocr]'"
DETECTOR, RECOGNISER, ALPHABET = "*det*.onnx", "*rec*.onnx", "*.txt"  # files of a folder of models
LINE_HEIGHT: Final = 48  # pixels: the recogniser's only height
LEAST_WIDTH: Final = 192  # pixels: shorter lines are filled up to it; 320, as in training, reads a little better and takes a third longer
MOST_WIDTH: Final = 3200  # pixels: longer lines are squeezed
WIDTH_STEP: Final = 64  # pixels: widths are filled up to a multiple, because every new shape is compiled
BATCH_WIDTH: Final = 2560  # pixels: of all lines recognised at once
MAP_STEP: Final = 128  # pixels: sides of pictures are filled up to a multiple
KIN: Final = (".,，", "$S")  # characters that hardly differ, of which the figure round them allows one
BLANK: Final = 0  # the class that CTC puts between characters

Picture = NDArray[np.uint8]


class Glyph(NamedTuple):
    """A character recognised on a line: its extent as shares of the line's width, and how sure the recogniser is, in [0, 1].

    `kin`: how sure it is that this or one of the characters that hardly differ from it stands there.
    """

    text: str
    x0: float
    x1: float
    confidence: float
    kin: float = 0.0


Reading = tuple[Glyph, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """Finds and reads print. `name` tells the models and their version."""

    name: str
    _detect: Any  # compiled models of OpenVINO
    _recognise: Any
    _alphabet: tuple[str, ...]
    _kin: tuple[tuple[int, ...], ...]  # classes of characters that hardly differ

    def text_map(self, picture: Picture) -> NDArray[np.float32]:
        """How likely each pixel of a grey picture (H, W) lies in the core of a line of print: (H, W), in [0, 1]."""
        height, width = picture.shape
        sides = (-(-height // MAP_STEP) * MAP_STEP - height, -(-width // MAP_STEP) * MAP_STEP - width)
        filled = cv2.copyMakeBorder(picture, 0, sides[0], 0, sides[1], cv2.BORDER_REPLICATE)
        likely: NDArray[np.float32] = self._detect(np.stack([_normal(filled)] * 3)[None])[0][0, 0]
        return likely[:height, :width].copy()

    def read(self, lines: Sequence[Picture]) -> list[Reading]:
        """What stands on grey pictures (H, W) of one line each; they want a margin of a third of the print's height all round."""
        readings: list[Reading] = [()] * len(lines)
        for numbers, width in _batches([_width(line) for line in lines]):
            steps = self._recognise(np.stack([_as_input(lines[number], width) for number in numbers]))[0]
            for number, likely in zip(numbers, steps, strict=True):
                readings[number] = tuple(_glyphs(likely, self._alphabet, self._kin, width / _width(lines[number])))
        return readings


def load(models: Path | None = None, threads: int | None = None) -> Engine:
    """The engine, ready: after this it opens no file. `models`: a folder with a detector (*det*.onnx), a recogniser (*rec*.onnx) and, if
    the recogniser does not hold its alphabet, a text file of it (a character a line); else Chinese, English and Japanese are read.

    Raises InputError where packages or files are missing.
    """
    folder, release = _bundled()
    folder = folder if models is None else models
    detector, recogniser = _only(folder, DETECTOR), _only(folder, RECOGNISER)
    try:
        compiled = _compiled(detector, threads)[0], *_compiled(recogniser, threads)
    except RuntimeError as error:
        raise InputError(
            f"the recogniser's models cannot be loaded ({error})", where=str(folder), remedy="give models in ONNX format"
        ) from error
    alphabet = ("", *_alphabet(compiled[2], folder), " ")
    kin = tuple(tuple(kind for kind, char in enumerate(alphabet) if char and char in chars) for chars in KIN)
    engine = Engine(f"{recogniser.stem}, rapidocr {release}", compiled[0], compiled[1], alphabet, kin)
    blank = np.full((LINE_HEIGHT, LEAST_WIDTH), 255, np.uint8)
    engine.text_map(blank)
    engine.read([blank])
    return engine


# --- models


def _bundled() -> tuple[Path, str]:
    """The folder of rapidocr's models, found without importing it, and its version."""
    spec = find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations or find_spec("openvino") is None:
        raise InputError("scans are read by an optional part that is not installed", remedy=INSTALL)
    try:
        return Path(spec.submodule_search_locations[0]) / "models", version("rapidocr")
    except PackageNotFoundError as error:
        raise InputError("the installation of rapidocr is damaged", remedy=INSTALL) from error


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise InputError(
            f"{len(found) or 'no'} file(s) {pattern} of models for recognition", where=str(folder), remedy="keep one in the folder"
        )
    return found[0]


def _compiled(path: Path, threads: int | None) -> tuple[Any, Any]:
    from openvino import Core

    core = Core()
    model = core.read_model(path)
    options = {"INFERENCE_NUM_THREADS": threads} if threads else {}
    return core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", **options}), model


def _alphabet(model: Any, folder: Path) -> list[str]:
    """The characters of the classes from 1, without the last, which is white space: inside the model, or beside it."""
    if model.has_rt_info(["framework", "character"]):
        return str(model.get_rt_info(["framework", "character"]).value).splitlines()
    return _only(folder, ALPHABET).read_text(encoding="utf-8").splitlines()


# --- what goes in


def _normal(grey: Picture) -> NDArray[np.float32]:
    return np.asarray((grey.astype(np.float32) / 255 - 0.5) / 0.5, np.float32)


def _width(line: Picture) -> int:
    height, width = line.shape
    return int(min(max(math.ceil(LINE_HEIGHT * width / height), 1), MOST_WIDTH))


def _as_input(line: Picture, width: int) -> NDArray[np.float32]:
    filled = np.zeros((LINE_HEIGHT, width), np.float32)
    own = _width(line)
    filled[:, :own] = _normal(cv2.resize(line, (own, LINE_HEIGHT), interpolation=_interpolation(line)).astype(np.uint8))
    return np.stack([filled] * 3)


def _interpolation(line: Picture) -> int:
    return cv2.INTER_AREA if line.shape[0] > LINE_HEIGHT else cv2.INTER_CUBIC


def _batches(widths: Sequence[int]) -> Iterator[tuple[list[int], int]]:
    """Numbers of lines that are recognised at once, with the width that they are filled up to."""
    filled = [max(-(-width // WIDTH_STEP) * WIDTH_STEP, LEAST_WIDTH) for width in widths]
    for width, numbers in groupby(sorted(range(len(widths)), key=filled.__getitem__), key=filled.__getitem__):
        alike, size = list(numbers), max(BATCH_WIDTH // width, 1)
        yield from ((alike[start : start + size], width) for start in range(0, len(alike), size))


# --- what comes out


class _Run(NamedTuple):
    """Steps from `start` to `end` at which the recogniser saw one class."""

    kind: int
    start: int
    end: int


def _glyphs(likely: NDArray[np.float32], alphabet: Sequence[str], kin: Sequence[Sequence[int]], filled: float) -> Iterator[Glyph]:
    """The best path of CTC (Graves and others 2006): (steps, classes), over a line that was filled up to `filled` of its width."""
    runs = list(_runs(likely.argmax(axis=1)))
    chars = [index for index, run in enumerate(runs) if run.kind != BLANK]
    middles = [(runs[index].start + runs[index].end) / 2 for index in chars]
    own = [_height_of(likely, runs[index]) for index in chars]
    share, pooled = filled / len(likely), _pooled(likely, kin)
    for place, index in enumerate(chars):
        x0, x1 = _extent(middles, place)
        either = min(_height_of(pooled, runs[index]), _sure_beside(pooled, runs, index, -1), _sure_beside(pooled, runs, index, 1))
        yield Glyph(alphabet[runs[index].kind], max(x0 * share, 0.0), min(x1 * share, 1.0), min(own[place], either), either)


def _pooled(likely: NDArray[np.float32], kin: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """With the sum over its kin for each class that has some, in place: which of them stands there casts no doubt on what stands beside."""
    for kinds in kin:
        likely[:, kinds] = likely[:, kinds].sum(axis=1, keepdims=True)
    return likely


def _runs(kinds: NDArray[np.intp]) -> Iterator[_Run]:
    bounds = [0, *(int(step) + 1 for step in np.flatnonzero(np.diff(kinds))), len(kinds)]
    yield from (_Run(int(kinds[start]), start, end) for start, end in pairwise(bounds))


def _height_of(likely: NDArray[np.float32], run: _Run) -> float:
    return float(likely[run.start : run.end, run.kind].max())


def _sure_beside(likely: NDArray[np.float32], runs: Sequence[_Run], index: int, side: int) -> float:
    """How sure it is that nothing else stands between a character and its neighbour: a lost point or minus shows in the blanks."""
    gap, char = index + side, runs[index].kind
    if not 0 <= gap < len(runs) or runs[gap].kind != BLANK:
        return 1.0
    other = runs[gap + side].kind if 0 <= gap + side < len(runs) else BLANK
    steps = likely[runs[gap].start : runs[gap].end]
    if other == char:
        return float(steps[:, BLANK].max())  # the blank alone tells two characters from one
    return float((steps[:, BLANK] + steps[:, char] + (steps[:, other] if other != BLANK else 0.0)).min())


def _extent(middles: Sequence[float], place: int) -> tuple[float, float]:
    """Half way to the neighbours; at the ends as far as on the other side."""
    before = middles[place] - middles[place - 1] if place else None
    after = middles[place + 1] - middles[place] if place + 1 < len(middles) else None
    left = before if before is not None else after if after is not None else 2.0
    right = after if after is not None else left
    return middles[place] - left / 2, middles[place] + right / 2
