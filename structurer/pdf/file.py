"""The sheets of a PDF: what a reader sees of its own characters, its ruled cells, and what a recogniser reads where they fall short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import sqrt
from typing import Final

from structurer.document import Box
from structurer.errors import InputError
from structurer.pdf.damage import Damage, looked_over, written_anew
from structurer.pdf.pdfium import (
    MOST_PIXELS,
    POINTS_AN_INCH,
    Handle,
    Kind,
    Sheetful,
    UnreadablePageError,
    bounds,
    count,
    damaged,
    decodes,
    dots_across,
    opened,
    scale_to,
)
from structurer.pdf.prints import Printed, printed, signs, told
from structurer.pdf.rules import MOST_POINTS, edges
from structurer.sheets.bars import Prints
from structurer.sheets.cuts import cuts_of, ledges_of, sides_of
from structurer.sheets.decision import Choice, Decision, Facts, decide
from structurer.sheets.overlaid import doubted, laid_over
from structurer.sheets.rulings import cells_of
from structurer.sheets.sheet import Means, Recogniser, Sheet

END_MARK_WITHIN: Final = 2048  # bytes from the end; more than the 1024 of ISO 32000-1, annex H, note 18, for mail gateways add lines
MARK: Final = b"%PDF-"
MARK_WITHIN: Final = 1024  # bytes; readers accept junk before the mark up to here (ISO 32000-1, annex H, note 13)
TORN: Final = "compressed contents are torn, and what they hold may be missing"
MOST_PAGES: Final = 20_000
LOOK: Final = 110.0  # dpi of a picture for a person
FILLED: Final = 0.99  # of the most pixels: sides are rounded up
RENDERED: Final = 200.0  # dpi at which pages are drawn for a recogniser
COARSE: Final = 150.0  # dpi: below it figures are misread
STRAIGHT: Final = 0.1  # degrees: of a page turned by more, places before and after differ
NEEDS_OCR: Final = "to read it, install OCR: pip install 'structurer[ocr]'"


def sheets(raw: bytes, where: str, means: Means, warnings: list[str]) -> Iterator[Sheet]:
    """The pages of a PDF, one at a time; what is said of the file as a whole is added to `warnings` before the first.

    InputError where the file is damaged beyond one repair, or closed.
    """
    raw, damage = looked_over(_without_junk(raw, warnings), means.password)
    if b"%%EOF" not in raw[-END_MARK_WITHIN:]:
        raise damaged("the PDF is cut off: its end mark is missing", where)
    warnings.extend(damage.warnings)
    with _whole(raw, where, means.password, damage) as document:
        pages = count(document)
        if pages > MOST_PAGES:
            warnings.append(f"the PDF has {pages:,} pages; the first {MOST_PAGES:,} were read")
        if not pages or damage.pages == 0:
            raise damaged("the PDF is damaged: it holds no pages", where)
        for number in range(1, min(pages, MOST_PAGES) + 1):
            yield _with_damage(_page(document, number, damage, means), number in damage.torn)


def _without_junk(raw: bytes, warnings: list[str]) -> bytes:
    junk = max(raw.find(MARK, 0, MARK_WITHIN + len(MARK)), 0)
    if junk:
        warnings.append(f"{junk} byte(s) before the mark of the PDF were left out")
    return raw[junk:]


@contextmanager
def _whole(raw: bytes, where: str, password: str | None, damage: Damage) -> Iterator[Handle]:
    """The file as it is where PDFium finds the pages that qpdf finds, else as qpdf writes it anew."""
    with ExitStack() as stack:
        try:
            document = stack.enter_context(opened(raw, where, password))
            is_whole = damage.pages in (None, count(document))
        except InputError:
            if damage.pages is None:
                raise
            is_whole = False
        if not is_whole:
            stack.close()
            document = stack.enter_context(opened(written_anew(raw, password) or raw, where, password))
        yield document


def _page(document: Handle, number: int, damage: Damage, means: Means) -> Sheet:
    try:
        page = Sheetful(document, number, has_layers=damage.has_layers)
    except UnreadablePageError:
        return Sheet(number, 0.0, 0.0, (), warnings=("the page is damaged and was not read",))
    try:
        sheet = _sheet(page, means.recognise)
        if not means.keep_pictures or sheet.picture:
            return sheet
        return replace(sheet, picture=page.picture(_dots(page.frame.width, page.frame.height, LOOK) / POINTS_AN_INCH))
    finally:
        page.close()


def _with_damage(sheet: Sheet, is_torn: bool) -> Sheet:
    return replace(sheet, warnings=(TORN, *sheet.warnings)) if is_torn else sheet


def _sheet(page: Sheetful, recognise: Recogniser | None) -> Sheet:
    found = printed(page)
    pictures = tuple(_pictures(page))
    shown = "".join(char.text for char in found.shown if not char.text.isspace())
    width, height = page.frame.width, page.frame.height
    is_blank = not shown and _is_blank(page)
    if is_blank and (count := sum(one.kind == Kind.IMAGE and not decodes(one) for one in page.painted)):
        found.warnings.append(f"{count} picture(s) cannot be decoded and were not read")
    hidden = signs(found.layer)
    choice = decide(Facts(shown, found.lost, hidden, tuple(box for box, _ in pictures), width, height, is_blank))
    if choice.decision is Decision.OCR and recognise is not None:
        return _recognised(page, found, choice, recognise, pictures)
    own = _own(page, found)
    if choice.decision is Decision.BOTH and recognise is not None:
        return _with_parts(page, own, found, choice, recognise, pictures)
    return _without_ocr(own, found, choice)


# --- pictures


def _pictures(page: Sheetful) -> Iterator[tuple[Box, float]]:
    """The pictures on a page, as far as they lie on it, and their dots an inch."""
    placed, frame = page.frame.placing(), page.frame
    for one in page.painted:
        if one.kind == Kind.IMAGE and (found := bounds(one)):
            x0, top, x1, bottom = placed(*found)
            box = Box(max(x0, 0.0), max(top, 0.0), min(x1, frame.width), min(bottom, frame.height))
            if box.x0 < box.x1 and box.top < box.bottom:
                yield box, round(POINTS_AN_INCH * dots_across(one) / max(found[2] - found[0], 1.0), 1)


def _is_blank(page: Sheetful) -> bool:
    low, high = page.picture(scale_to(page.frame, 400), gray=True).getextrema()
    return bool(low == high)


# --- recognition


def _dots(width: float, height: float, wanted: float = RENDERED) -> float:
    """Dots an inch at which so many points are drawn: fewer than wanted where they would be too many pixels."""
    return min(wanted, POINTS_AN_INCH * sqrt(FILLED * MOST_PIXELS / max(width * height, 1.0)))


def _recognised(page: Sheetful, found: Printed, choice: Choice, recognise: Recogniser, pictures: Sequence[tuple[Box, float]]) -> Sheet:
    """The page as a recogniser reads it; what the file has behind the picture is a second opinion."""
    drawn = _dots(page.frame.width, page.frame.height)
    read = recognise(page.picture(drawn / POINTS_AN_INCH).convert("RGB"), drawn)
    if not read.chars and read.warnings and (found.shown or found.layer):
        own = _without_ocr(_own(page, found), found, choice)
        return replace(own, warnings=(*own.warnings, *read.warnings))
    dpi = min((min(dots, drawn) for _, dots in pictures), default=drawn)
    chars = doubted(read.chars, found.layer) if abs(read.angle) < STRAIGHT else read.chars
    warnings = (*found.warnings, *_coarse(dpi), *read.warnings)
    return replace(read, number=page.number, chars=chars, dpi=dpi, reasons=choice.reasons, warnings=warnings)


def _own(page: Sheetful, found: Printed) -> Sheet:
    """What the file has of its own: the characters that are seen, and the cells that its rules enclose."""
    rules, is_whole = edges(page, Prints(found.shown))
    if not is_whole:
        found.warnings.append(f"the paths of the page have more than {MOST_POINTS:,} points; rules behind them were not looked at")
    width, height = page.frame.width, page.frame.height
    sides, cuts = sides_of(rules), cuts_of(rules)
    tables = cells_of((*rules, *sides, *cuts, *ledges_of(rules)), width, height)
    return Sheet(page.number, width, height, tuple(found.shown), tables, angle=90.0 * page.frame.quarters, cuts=tuple(map(Box._make, cuts)))


def _with_parts(
    page: Sheetful, own: Sheet, found: Printed, choice: Choice, recognise: Recogniser, pictures: Sequence[tuple[Box, float]]
) -> Sheet:
    """The file's own characters, and what a recogniser reads in the pictures among them."""
    dpi = min(dots for _, dots in pictures)
    sheet, warnings = own, list(told(found))
    for part in choice.parts:
        drawn = _dots(part.x1 - part.x0, part.bottom - part.top)
        read = recognise(page.picture(drawn / POINTS_AN_INCH, part).convert("RGB"), drawn)
        sheet = laid_over(sheet, read, part)
        warnings += read.warnings
    if len(sheet.chars) == len(own.chars):
        return replace(own, reasons=choice.reasons, warnings=tuple(dict.fromkeys(warnings)))
    said = tuple(dict.fromkeys([*warnings, *_coarse(dpi)]))
    return replace(sheet, decision=Decision.BOTH, dpi=dpi, reasons=choice.reasons, warnings=said)


def _without_ocr(own: Sheet, found: Printed, choice: Choice) -> Sheet:
    """What the file has of its own; of a scan its hidden text layer, which is said, as is what needs a recogniser."""
    if choice.decision is Decision.OCR and choice.is_recognised:
        said = f"{signs(found.layer)} character(s) are the hidden text layer of a scan, as an OCR engine read it"
        others = replace(found, hidden=[(why, char) for why, char in found.hidden if char not in set(found.layer)])
        return replace(own, chars=(*found.shown, *found.layer), reasons=choice.reasons, warnings=(*told(others), said))
    wanting = () if choice.decision is Decision.LAYER else (f"{'; '.join(choice.reasons)}: {NEEDS_OCR}",)
    return replace(own, reasons=choice.reasons, warnings=(*told(found), *wanting))


def _coarse(dpi: float) -> tuple[str, ...]:
    return (f"the picture has {dpi:.0f} dots an inch; below {COARSE:.0f} figures are easily misread",) if dpi < COARSE else ()
