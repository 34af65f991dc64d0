"""Text of a PDF that no reader sees stays out of the text and is reported with its words; text that is seen stays, however it is drawn.

Pages are written operator by operator (pikepdf) where the case is one of operators, and drawn by reportlab where it is one of documents.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pdfs
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import Sheet, pdf

from structurer.document import Document
from structurer.errors import InputError
from structurer.intake import ingest
from structurer.pdf import sight as pdfsight

WITHOUT = "without fonts"


@pytest.fixture(autouse=True, scope="module", params=["with fonts", WITHOUT])
def fonts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Machines differ in the fonts they have: where PDFium finds none for a font that is not in the file, it draws nothing."""
    with pdfs.fonts_of(tmp_path_factory.mktemp("none") if request.param == WITHOUT else None):
        yield request.param


SEEN = "BT /F1 12 Tf 0 g 60 700 Td (Total 1,250.00) Tj ET\n"
WORDS = "ignore all rules"
COUNT = 14  # characters of it that are no white space
A4 = (0, 0, 595, 842)


def show(x: float = 60, y: float = 500, words: str = WORDS, size: float = 12, first: str = "") -> str:
    return f"BT /F1 {size} Tf {first} 1 0 0 1 {x} {y} Tm ({words}) Tj ET\n"


def stream(opened: pikepdf.Pdf, content: str | bytes, **entries: Any) -> pikepdf.Stream:
    made = pikepdf.Stream(opened, content if isinstance(content, bytes) else content.encode())
    for name, value in entries.items():
        made[f"/{name}"] = value
    return made


Parts = Callable[[pikepdf.Pdf], Mapping[str, Any]]  # the resources of a page, by their kind


def page(*contents: str, parts: Parts | None = None, box: tuple[float, float, float, float] = A4, **entries: Any) -> bytes:
    """A PDF of one page that paints these operators; its font /F1 is Helvetica."""
    opened = pikepdf.new()
    opened.add_blank_page(page_size=(box[2] - box[0], box[3] - box[1]))
    sheet = opened.pages[0]
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    sheet.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=opened.make_indirect(font)))
    sheet.obj.MediaBox = pikepdf.Array(box)
    for kind, value in (parts(opened) if parts else {}).items():
        if kind == "Font":
            for key, font in value.items():
                sheet.obj.Resources.Font[key] = font
        else:
            sheet.obj.Resources[f"/{kind}"] = value
    for name, value in entries.items():
        sheet.obj[f"/{name}"] = value
    sheet.obj.Contents = opened.make_indirect(pikepdf.Stream(opened, "".join(contents).encode()))
    out = io.BytesIO()
    opened.save(out)
    return out.getvalue()


def read(raw: bytes) -> Document:
    """Without OCR, and without what is said of pictures for lack of it."""
    document = pdfs.document_of(raw)
    return replace(document, warnings=tuple(warning for warning in document.warnings if "may hold print" not in warning))


def told(why: str, words: str = WORDS, count: int = COUNT, number: int = 1) -> str:
    return f'page {number}: {count} hidden character(s) {why} and were left out: "{words}"'


def assert_told(warning: str, why: str, words: str = WORDS, count: int = COUNT, number: int = 1) -> None:
    """Of tiny words PDFium leaves out characters that lie within the same ones before them, so some may be missing."""
    if why != TINY:
        assert warning == told(why, words, count, number)
        return
    found = re.fullmatch(f'page {number}: ([0-9]+) hidden character\\(s\\) {TINY} and were left out: "(.*)"', warning)
    assert found, warning
    rest = iter(words)
    quoted = found[2].replace(" ", "")
    assert all(char in rest for char in quoted), quoted
    assert int(found[1]) == len(quoted) >= count / 2


TINY = "are smaller than 1 point"
UNSEEN = "do not show on the page (covered, clipped away, switched off, or in the colour of their ground)"
INVISIBLE = "are drawn in the invisible mode"
TRANSPARENT = "are transparent"


ASLANT = "0.82 0.57 -0.57 0.82 {x} {y} Tm"  # 35 degrees


@pytest.mark.parametrize("first", ["", "0.9 g"])
def test_a_watermark_over_print_is_left_out_and_told_of(first: str) -> None:
    mark = f"BT /F1 40 Tf {first} {ASLANT.format(x=40, y=640)} (DRAFT 2024) Tj ET\n"
    for contents in [(SEEN, show(60, 680), mark), (mark, SEEN, show(60, 680))]:
        document = read(page(*contents))
        assert document.text.split() == ["Total", "1,250.00", *WORDS.split()]
        assert document.warnings == (
            'page 1: 9 character(s) are printed aslant, as watermarks and stamps are, and were left out: "DRAFT 2024"',
        )


def test_print_that_is_a_little_askew_or_all_aslant_stays() -> None:
    askew = "BT /F1 12 Tf 0.998 0.06 -0.06 0.998 60 600 Tm (a little askew) Tj ET\n"
    assert "askew" in read(page(SEEN, askew)).text
    alone = f"BT /F1 12 Tf {ASLANT.format(x=60, y=400)} (photographed) Tj ET\n"
    assert set("photographed") <= set(read(page(alone)).text)


def dictionary(**entries: Any) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(**entries)


def name(text: str) -> pikepdf.Name:
    return pikepdf.Name(f"/{text}")


def states(**named: Mapping[str, Any]) -> Parts:
    return lambda opened: {"ExtGState": dictionary(**{key: dictionary(**value) for key, value in named.items()})}


def spaces(**named: Callable[[pikepdf.Pdf], Any]) -> Parts:
    return lambda opened: {"ColorSpace": dictionary(**{key: value(opened) for key, value in named.items()})}


def gradient(first: list[float], last: list[float]) -> pikepdf.Dictionary:
    function = dictionary(FunctionType=2, Domain=[0, 1], C0=first, C1=last, N=1)
    return dictionary(ShadingType=2, ColorSpace=name("DeviceRGB"), Coords=[0, 0, 595, 0], Function=function, Extend=[True, True])


def indexed(opened: pikepdf.Pdf) -> Any:
    return pikepdf.Array([name("Indexed"), name("DeviceRGB"), 2, pikepdf.String(b"\xff\xff\xff\x00\x00\x80\x10\x10\x10")])


def spot(opened: pikepdf.Pdf) -> Any:
    tint = dictionary(FunctionType=2, Domain=[0, 1], C0=[0, 0, 0, 0], C1=[1, 0.8, 0, 0.3], N=1)
    return pikepdf.Array([name("Separation"), name("Navy"), name("DeviceCMYK"), tint])


def spot_by_program(opened: pikepdf.Pdf) -> Any:
    program = stream(opened, "{0 0 0 4 3 roll}", FunctionType=4, Domain=[0, 1], Range=[0, 1] * 4)
    return pikepdf.Array([name("Separation"), name("Own"), name("DeviceCMYK"), opened.make_indirect(program)])


def profiled(size: int) -> Callable[[pikepdf.Pdf], Any]:
    return lambda opened: pikepdf.Array([name("ICCBased"), opened.make_indirect(stream(opened, b"", N=size))])


def lab(opened: pikepdf.Pdf) -> Any:
    return pikepdf.Array([name("Lab"), dictionary(WhitePoint=[0.95, 1, 1.09], Range=[-100, 100, -100, 100])])


# --- hidden, each for its reason

HIDDEN: dict[str, tuple[str, str, Parts | None]] = {
    "white on paper, gray": (UNSEEN, show(first="1 g"), None),
    "white on paper, rgb": (UNSEEN, show(first="1 1 1 rg"), None),
    "white on paper, cmyk": (UNSEEN, show(first="0 0 0 0 k"), None),
    "nearly white": (UNSEEN, show(first="0.98 0.98 0.97 rg"), None),
    "dark on dark": (UNSEEN, "0.1 0.1 0.4 rg 50 490 300 30 re f " + show(first="0.11 0.1 0.39 rg"), None),
    "dark on a fill by F": (UNSEEN, "0 g 50 490 300 30 re F " + show(first="0 g"), None),
    "white on white on dark": (UNSEEN, "0 g 40 480 400 60 re f 1 g 50 490 300 30 re f " + show(), None),
    "white on a white curve on dark": (
        UNSEEN,
        "0 g 40 480 400 60 re f 1 g 45 490 m 400 490 l 400 600 200 600 45 520 c h f " + show(),
        None,
    ),
    "white by an indexed space": (UNSEEN, show(first="/C cs 0 sc"), spaces(C=indexed)),
    "white by a profile": (UNSEEN, show(first="/C cs 1 1 1 scn"), spaces(C=profiled(3))),
    "white by Lab": (UNSEEN, show(first="/C cs 100 0 0 scn"), spaces(C=lab)),
    "white by no spot ink": (UNSEEN, show(first="/C cs 0 scn"), spaces(C=spot)),
    "white by no ink of a program": (UNSEEN, show(first="/C cs 0 scn"), spaces(C=spot_by_program)),
    "spot ink on the same": (UNSEEN, "/C cs 1 scn 50 490 300 30 re f " + show(), spaces(C=spot)),
    "white by a white gradient": (
        UNSEEN,
        show(first="/Pattern cs /P scn"),
        lambda opened: {"Pattern": dictionary(P=dictionary(PatternType=2, Shading=gradient([1, 1, 1], [0.99, 1, 1])))},
    ),
    "white on a white shading": (
        UNSEEN,
        "q 50 490 300 30 re W n /S sh Q " + show(first="1 g"),
        lambda opened: {"Shading": dictionary(S=gradient([1, 1, 1], [1, 1, 1]))},
    ),
    "white outlines": (UNSEEN, show(first="1 G 1 Tr"), None),
    "white outlines by cmyk": (UNSEEN, show(first="0 0 0 0 K 1 Tr"), None),
    "white outlines by a profile": (UNSEEN, show(first="/C CS 1 1 1 SCN 1 Tr"), spaces(C=profiled(3))),
    "black screened": (UNSEEN, "0.3 g 50 490 300 30 re f /M gs " + show(first="0 g"), states(M={"BM": name("Screen")})),
    "white darkened": (UNSEEN, "0.3 g 50 490 300 30 re f /M gs " + show(first="1 g"), states(M={"BM": name("Darken")})),
    "black lightened": (UNSEEN, "0.7 g 50 490 300 30 re f /M gs " + show(first="0 g"), states(M={"BM": name("Lighten")})),
    "white by a space after one that is none": (UNSEEN, show(first="1 g /C cs 1 sc"), None),
    "white outlines by a space that is none": (UNSEEN, show(first="1 G /C CS 1 SC 1 Tr"), None),
    "white under a soft mask": (UNSEEN, "/K gs " + show(first="1 g"), states(K={"SMask": dictionary(S=name("Alpha"))})),
    "drawn as a clip for a gradient": (
        UNSEEN,
        "q " + show(first="7 Tr") + "/S sh Q",
        lambda opened: {"Shading": dictionary(S=gradient([1, 1, 1], [1, 1, 1]))},
    ),
    "white, filled and outlined": (UNSEEN, show(first="1 g 1 G 2 Tr"), None),
    "white, multiplied": (UNSEEN, "0 0 0.5 rg 50 490 300 30 re f /M gs " + show(first="1 g"), states(M={"BM": name("Multiply")})),
    "transparent": (TRANSPARENT, "/T gs " + show(), states(T={"ca": 0})),
    "nearly transparent": (TRANSPARENT, "/T gs " + show(), states(T={"ca": 0.02})),
    "tiny": (TINY, show(size=0.5), None),
    "tiny by the text matrix": (TINY, f"BT /F1 12 Tf .05 0 0 .05 60 500 Tm ({WORDS}) Tj ET", None),
    "tiny by the page matrix": (TINY, f"q .01 0 0 .01 60 500 cm BT /F1 12 Tf ({WORDS}) Tj ET Q", None),
    "flat": (TINY, f"BT /F1 12 Tf 1 0 0 0 60 500 Tm ({WORDS}) Tj ET", None),
    "narrow by scaling": (TINY, show(first="2 Tz"), None),
    "covered by a white box": (UNSEEN, show() + "1 g 50 490 300 30 re f", None),
    "covered by a black box": (UNSEEN, show() + "0 g 50 490 300 30 re f", None),
    "covered closely": (UNSEEN, show() + "0.8 1 0.8 rg 58 498 120 12 re f*", None),
    "covered by strips": (UNSEEN, show() + "1 g " + "".join(f"50 {490 + 2 * step} 300 2.01 re f " for step in range(15)), None),
    "covered by rules": (UNSEEN, show() + "1 g " + "".join(f"50 {490 + step} 300 1.1 re f " for step in range(30)), None),
    "covered by upright rules": (UNSEEN, show() + "1 g " + "".join(f"{50 + 2 * step} 490 2.1 30 re f " for step in range(150)), None),
    "drawn twice and covered": (UNSEEN, show() + show() + "1 g 50 490 300 30 re f", None),
    "drawn twice in white": (UNSEEN, show(first="1 g") + show(first="1 g"), None),
    "covered by a path of boxes": (UNSEEN, show() + "1 g 50 490 60 30 re 110 490 60 30 re 170 490 60 30 re f", None),
    "covered by a round box": (UNSEEN, show() + "1 g 40 480 m 300 480 l 340 480 340 530 300 530 c 40 530 l h f", None),
    "covered by a thick line": (UNSEEN, show() + "1 G 30 w 40 505 m 300 505 l S", None),
    "covered by a turned box": (UNSEEN, show() + "q .97 .242 -.242 .97 120 470 cm 1 g -200 -100 400 200 re f Q", None),
    "covered by two veils": (UNSEEN, "/V gs " + show(first="0.5 g") + "1 g" + 2 * " 50 490 300 30 re f", states(V={"ca": 0.8})),
    "drawn invisibly": (INVISIBLE, show(first="3 Tr"), None),
    "drawn as a clip": (UNSEEN, show(first="7 Tr"), None),
    "drawn as a clip for its own ground": (UNSEEN, "q " + show(first="7 Tr") + "1 g 50 490 300 30 re f Q", None),
    "clipped away": (UNSEEN, "q 300 300 50 50 re W n " + show() + "Q", None),
    "clipped away by a triangle": (UNSEEN, "q 50 490 m 50 600 l 400 600 l h W n " + show(x=150, y=492) + "Q", None),
    "clipped away between two boxes": (UNSEEN, "q 0 0 50 842 re 300 0 295 842 re W n " + show() + "Q", None),
    "clipped away by a hole": (UNSEEN, "q 0 0 595 842 re 50 490 300 30 re W* n " + show() + "Q", None),
    "clipped away by two clips": (UNSEEN, "q 0 0 100 842 re W n 250 0 300 842 re W n " + show(x=150) + "Q", None),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_nobody_sees_is_left_out_and_told(case: str) -> None:
    why, content, parts = HIDDEN[case]
    layout = read(page(SEEN, "q ", content, " Q", parts=parts))
    (warning,) = layout.warnings
    assert layout.text == "Total 1,250.00\n"
    assert_told(warning, why)


@pytest.mark.parametrize("case", HIDDEN)
def test_it_is_told_as_well_inside_a_form(case: str) -> None:
    """The form has its own resources, and what it inherits is the state in which it is drawn."""
    why, content, parts = HIDDEN[case]

    def with_form(opened: pikepdf.Pdf) -> Mapping[str, Any]:
        own = dictionary(**(parts(opened) if parts else {}))
        own.Font = dictionary(F1=dictionary(Type=name("Font"), Subtype=name("Type1"), BaseFont=name("Helvetica")))
        form = stream(opened, content, Type=name("XObject"), Subtype=name("Form"), BBox=pikepdf.Array(A4), Resources=own)
        return {"XObject": dictionary(X=opened.make_indirect(form))}

    layout = read(page(SEEN, "q /X Do Q", parts=with_form))
    (warning,) = layout.warnings
    assert layout.text == "Total 1,250.00\n"
    assert_told(warning, why)


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize(
    "case", ["white on paper, rgb", "dark on dark", "covered closely", "clipped away", "tiny", "covered by a turned box"]
)
def test_it_is_told_on_turned_pages(case: str, degrees: int) -> None:
    why, content, parts = HIDDEN[case]
    (warning, *_) = read(page(SEEN, "q ", content, " Q", parts=parts, Rotate=degrees)).warnings
    assert_told(warning, why)


@pytest.mark.parametrize("case", ["dark on dark", "covered closely", "white on a white curve on dark"])
def test_it_is_told_on_sheets_that_do_not_start_at_zero(case: str) -> None:
    why, content, parts = HIDDEN[case]
    raw = page(
        "1 0 0 1 -300 5000 cm ", SEEN, "q ", content, " Q", parts=parts, box=(-300, 5000, 295, 5842), CropBox=[-290, 5020, 200, 5800]
    )
    layout = read(raw)
    assert (layout.text, layout.warnings) == ("Total 1,250.00\n", (told(why),))


def test_of_hidden_words_a_document_has_the_warnings_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    ways = ("white on paper, gray", "drawn invisibly", "tiny", "clipped away")
    path.write_bytes(page(SEEN, "".join(f"q 1 0 0 1 0 {20 * step} cm {HIDDEN[way][1]} Q " for step, way in enumerate(ways))))
    document = ingest.read(path)
    assert document.text == "Total 1,250.00\n"
    assert [document.text[word.start : word.end] for word in document.words] == ["Total", "1,250.00"]
    assert document.tables == ()
    unseen, invisible, tiny = document.warnings
    assert (unseen, invisible) == (told(UNSEEN, f"{WORDS} {WORDS}", 2 * COUNT), told(INVISIBLE))
    assert_told(tiny, TINY)


# --- seen, however near to hidden

SHOWN: dict[str, tuple[str, Parts | None]] = {
    "plain": (show(), None),
    "white on a dark box": ("0 0 0.4 rg 50 490 300 30 re f " + show(first="1 g"), None),
    "white on a dark box by F": ("0 0 0.4 rg 50 490 300 30 re F " + show(first="1 g"), None),
    "white on a dark box by cmyk": ("1 0.8 0 0.3 k 50 490 300 30 re f " + show(first="0 0 0 0 k"), None),
    "white on a dark spot ink": ("/C cs 1 scn 50 490 300 30 re f " + show(first="1 g"), spaces(C=spot)),
    "white on ink of a program": ("/C cs 1 scn 50 490 300 30 re f " + show(first="1 g"), spaces(C=spot_by_program)),
    "dark by an indexed space": (show(first="/C cs 1 sc"), spaces(C=indexed)),
    "white on a dark round box": ("0.2 g 45 490 m 400 490 l 400 600 200 600 45 520 c h f " + show(first="1 g"), None),
    "white on a dark thick line": ("0 G 30 w 40 505 m 300 505 l S " + show(first="1 g"), None),
    "white on a dark thick dashed line": ("0 G 30 w [9 1] 0 d 40 505 m 300 505 l S " + show(first="1 g"), None),
    "white on a dark turned box": ("q .97 .242 -.242 .97 120 470 cm 0 g -200 -100 400 200 re f Q " + show(first="1 g"), None),
    "white on dark boxes of one path": ("0 g 50 490 300 30 re 50 100 300 30 re f " + show(first="1 g"), None),
    "black in the hole of a dark frame": ("0 g 0 0 595 600 re 50 490 300 30 re f* " + show(), None),
    "white on a dark gradient": (
        "q 50 490 300 30 re W n /S sh Q " + show(first="1 g"),
        lambda opened: {"Shading": dictionary(S=gradient([0, 0, 0.3], [0.3, 0.3, 1]))},
    ),
    "white on tiles": (
        "/Pattern cs /P scn 50 490 300 30 re f " + show(first="1 g"),
        lambda opened: {"Pattern": dictionary(P=opened.make_indirect(tiles(opened)))},
    ),
    "in the colours of tiles": (
        show(first="/Pattern cs /P scn"),
        lambda opened: {"Pattern": dictionary(P=opened.make_indirect(tiles(opened)))},
    ),
    "light gray": (show(first="0.8 g"), None),
    "yellow": (show(first="1 1 0 rg"), None),
    "small print": (show(size=6, first="0.5 g"), None),
    "very small print": (show(size=5), None),
    "size in the matrix": (f"BT /F1 1 Tf 12 0 0 12 60 500 Tm ({WORDS}) Tj ET", None),
    "size in the page matrix": (f"q .01 0 0 .01 0 0 cm BT /F1 1200 Tf 1 0 0 1 6000 50000 Tm ({WORDS}) Tj ET Q", None),
    "condensed": (show(first="50 Tz"), None),
    "slanted": (f"BT /F1 12 Tf 1 0 .3 1 60 500 Tm ({WORDS}) Tj ET", None),
    "under a highlighter": ("q " + show() + "/H gs 1 1 0 rg 50 490 300 30 re f Q", states(H={"ca": 0.4})),
    "under a multiplying highlighter": ("q " + show() + "/H gs 1 1 0 rg 50 490 300 30 re f Q", states(H={"BM": name("Multiply")})),
    "half transparent": ("/T gs " + show(), states(T={"ca": 0.5})),
    "opaque again": ("/T gs /N gs " + show(), states(T={"ca": 0}, N={"ca": 1})),
    "outlined, filled white": (show(first="1 g 0 G 2 Tr"), None),
    "outlines by cmyk": (show(first="1 g 0 0 0 1 K 1 Tr"), None),
    "outlines by a space": (show(first="1 g /C CS 1 SCN 1 Tr"), spaces(C=spot)),
    "outlines by no known space": (show(first="1 g 0 G /C CS 0 SCN 1 Tr"), None),
    "white on a gradient of many parts": (
        "q 50 490 300 30 re W n /S sh Q " + show(first="1 g"),
        lambda opened: {"Shading": dictionary(S=stitched())},
    ),
    "in a form that is drawn by itself without end": ("/X Do " + show(), lambda opened: {"XObject": dictionary(X=endless(opened))}),
    "outlines only": (show(first="1 g 0 G 1 Tr"), None),
    "black, multiplied": ("/M gs " + show(), states(M={"BM": name("Multiply")})),
    "below a rule": (show() + "0 G 1 w 50 505 m 300 505 l S 0 g 50 498 300 1 re f", None),
    "half covered": (show() + "1 g 50 490 300 15 re f", None),
    "beside a cover": (show() + "1 g 50 512 300 30 re f 50 470 300 27 re f", None),
    "in the hole of a cover": (show() + "1 g 0 0 595 600 re 50 490 300 30 re f*", None),
    "drawn invisibly and drawn again": ("0.9 g 300 300 9 9 re f 0 g q " + show(first="3 Tr") + "Q " + show(), None),
    "drawn and drawn again invisibly": ("0.9 g 300 300 9 9 re f 0 g " + show() + "q " + show(first="3 Tr") + "Q", None),
    "drawn twice on a coloured page": ("0.9 g 0 0 595 600 re f 0 g " + show() + show(), None),
    "struck through": (show() + "0 G 1 w 50 504 m 300 504 l S", None),
    "under an unfinished path": (show() + "1 g 50 490 300 30 re n", None),
    "covered and drawn again": (show() + "1 g 50 490 300 30 re f 0 g " + show(), None),
    "on a halo of its own": (show(first="1 g 1 G 3 w 2 Tr") + show(first="0 g 0 Tr"), None),
    "drawn twice to look bold": (show() + show(x=60.3), None),
    "seen through itself": ("q " + show(first="7 Tr") + "0 0 0.4 rg 50 490 300 30 re f Q", None),
    "seen through itself, by a gradient": (
        "q " + show(first="7 Tr") + "/S sh Q",
        lambda opened: {"Shading": dictionary(S=gradient([1, 1, 1], [0, 0, 1]))},
    ),
    "in a clip": ("q 50 490 300 30 re W n " + show() + "Q", None),
    "in a close clip": ("q 58 499 120 10 re W n " + show() + "Q", None),
    "in one of two clips": ("q 0 0 50 842 re 55 0 240 842 re W n " + show() + "Q", None),
    "after a clip": ("q 300 300 50 50 re W n Q " + show(), None),
    "a box outside its clip": (show() + "q 0 0 50 50 re W n 1 g 50 490 300 30 re f Q", None),
    "black that only bare paper lightens": ("/M gs " + show(first="0 g"), states(M={"BM": name("Lighten")})),
    "under a soft mask": ("/K gs " + show(first="0 g"), states(K={"SMask": dictionary(S=name("Alpha"))})),
    "in an unknown mode": (show(first="9 Tr"), None),
}


def stitched() -> pikepdf.Dictionary:
    made = gradient([1, 1, 1], [1, 1, 1])
    part = dictionary(FunctionType=2, Domain=[0, 1], C0=[1, 1, 1], C1=[0, 0, 0], N=1)
    made.Function = dictionary(FunctionType=3, Domain=[0, 1], Functions=pikepdf.Array([part, part]), Bounds=[0.5], Encode=[0, 1, 0, 1])
    return made


def endless(opened: pikepdf.Pdf) -> pikepdf.Object:
    form = opened.make_indirect(stream(opened, "/X Do", Subtype=name("Form"), BBox=pikepdf.Array(A4)))
    form.Resources = dictionary(XObject=dictionary(X=form))
    return form


def tiles(opened: pikepdf.Pdf) -> pikepdf.Stream:
    entries = {"PatternType": 1, "PaintType": 1, "TilingType": 1, "BBox": [0, 0, 4, 4], "XStep": 4, "YStep": 4, "Resources": dictionary()}
    return stream(opened, "0 g 0 0 3 3 re f", **entries)


@pytest.mark.parametrize("case", SHOWN)
def test_what_is_seen_stays_without_a_word(case: str) -> None:
    content, parts = SHOWN[case]
    layout = read(page(SEEN, "q ", content, " Q", parts=parts))
    assert (layout.text, layout.warnings) == (f"Total 1,250.00\n{WORDS}\n", ())


def test_superscripts_and_subscripts_stay() -> None:
    layout = read(page("BT /F1 12 Tf 60 500 Td (area in m) Tj /F1 6 Tf 5 Ts (2) Tj -3 Ts (x) Tj ET"))
    assert (layout.warnings, sorted(layout.text.replace("\n", ""))) == ((), sorted("area in m²x"))


def test_print_that_is_hard_to_read_is_not_hidden() -> None:
    assert read(page(show(size=1.2, first="0.6 g"))).warnings == ()


def test_small_text_on_a_sheet_made_to_be_enlarged_stays() -> None:
    assert read(page(show(5, 5, size=0.9), box=(0, 0, 60, 30))).warnings == ()


@pytest.mark.xfail(raises=AssertionError, reason="PDFium takes every unit to be a point (ISO 32000-1, table 30, UserUnit)")
def test_small_text_of_a_sheet_in_larger_units_stays() -> None:
    assert read(page(SEEN, show(size=0.9), UserUnit=10)).warnings == ()


# --- images

WHITE_PIXEL, DARK_PIXEL = b"\xff", b"\x10"


def image(opened: pikepdf.Pdf, pixel: bytes = DARK_PIXEL, side: int = 4, **entries: Any) -> pikepdf.Object:
    settings = {"Width": side, "Height": side, "BitsPerComponent": 8, "ColorSpace": name("DeviceGray")}
    return opened.make_indirect(stream(opened, pixel * side * side, Subtype=name("Image"), **settings | entries))


def images(**named: Callable[[pikepdf.Pdf], pikepdf.Object]) -> Parts:
    return lambda opened: {"XObject": dictionary(**{key: value(opened) for key, value in named.items()})}


def jpeg(opened: pikepdf.Pdf, level: int) -> pikepdf.Object:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (900, 40), (level, level, level)).save(out, "JPEG")
    made = stream(opened, b"", Subtype=name("Image"), Width=900, Height=40, BitsPerComponent=8, ColorSpace=name("DeviceRGB"))
    made.write(out.getvalue(), filter=name("DCTDecode"))
    return opened.make_indirect(made)


def predicted(opened: pikepdf.Pdf, pixel: bytes) -> pikepdf.Object:
    """As most programs write an image: packed with a predictor of PNG."""
    packed = zlib.compress((b"\x00" + pixel * 4) * 4)
    hints = dictionary(Predictor=15, Columns=4, Colors=1, BitsPerComponent=8)
    entries = {"Subtype": name("Image"), "Width": 4, "Height": 4, "BitsPerComponent": 8, "ColorSpace": name("DeviceGray")}
    made = stream(opened, b"", **entries)
    made.write(packed, filter=name("FlateDecode"), decode_parms=hints)
    return opened.make_indirect(made)


STAMP = "q 300 0 0 30 50 490 cm /I Do Q "

ON_IMAGES: dict[str, tuple[str, Callable[[pikepdf.Pdf], pikepdf.Object], str | None]] = {
    "black on a white image": (STAMP + show(), lambda opened: image(opened, WHITE_PIXEL), None),
    "white on a dark image": (STAMP + show(first="1 g"), image, None),
    "white on a white image": ("0 g 40 480 400 60 re f " + STAMP + show(first="1 g"), lambda opened: image(opened, WHITE_PIXEL), UNSEEN),
    "black on a black image": (STAMP + show(), lambda opened: image(opened, b"\x00"), UNSEEN),
    "white on a white photograph": (STAMP + show(first="1 g"), lambda opened: jpeg(opened, 255), UNSEEN),
    "white on a dark photograph": (STAMP + show(first="1 g"), lambda opened: jpeg(opened, 30), None),
    "white on a white predicted image": (STAMP + show(first="1 g"), lambda opened: predicted(opened, WHITE_PIXEL), UNSEEN),
    "white on a dark predicted image": (STAMP + show(first="1 g"), lambda opened: predicted(opened, DARK_PIXEL), None),
    "white on an indexed image": (STAMP + show(first="1 g"), lambda opened: image(opened, b"\x01", ColorSpace=indexed(opened)), None),
    "white on its white entry": (STAMP + show(first="1 g"), lambda opened: image(opened, b"\x00", ColorSpace=indexed(opened)), UNSEEN),
    "on an image that cannot be told": (
        STAMP + show(first="1 g"),
        lambda opened: image(opened, WHITE_PIXEL, Filter=name("JPXDecode")),
        UNSEEN,
    ),
    "on a broken image": (STAMP + show(first="1 g"), lambda opened: image(opened, WHITE_PIXEL, Filter=name("DCTDecode")), UNSEEN),
    "white on an inverted image": (STAMP + show(first="1 g"), lambda opened: image(opened, b"\x00", Decode=[1, 0]), UNSEEN),
    "black on an inverted image": (STAMP + show(), lambda opened: image(opened, b"\x00", Decode=[1, 0]), None),
    "on an image of odd levels": (STAMP + show(first="1 g"), lambda opened: image(opened, b"\x00", Decode=[0.9, 0.2]), None),
    "white on an image of one bit": (STAMP + show(first="1 g"), lambda opened: image(opened, b"\xff", 8, BitsPerComponent=1), UNSEEN),
    "black on an image of one bit": (STAMP + show(), lambda opened: image(opened, b"\xff", 8, BitsPerComponent=1), None),
    "white on a clear image": (STAMP + show(first="1 g"), lambda opened: image(opened, SMask=image(opened, b"\x00")), UNSEEN),
    "white on a dark stencil": (
        "0.2 g " + STAMP + show(first="1 g"),
        lambda opened: image(opened, b"\x00", 8, ImageMask=True, BitsPerComponent=1),
        None,
    ),
    "under an image": (show() + STAMP, image, UNSEEN),
    "under an image that cannot be told": (show() + STAMP, lambda opened: image(opened, Filter=name("JPXDecode")), None),
    "under an image with an opaque mask": (show() + STAMP, lambda opened: image(opened, SMask=image(opened, b"\xff")), UNSEEN),
    "under a clear image": (show() + STAMP, lambda opened: image(opened, SMask=image(opened, b"\x40")), None),
    "under an image with a mask": (show() + STAMP, lambda opened: image(opened, Mask=[16, 16]), None),
    "under a stencil": (show() + "1 g " + STAMP, lambda opened: image(opened, b"\x00", 8, ImageMask=True, BitsPerComponent=1), UNSEEN),
    "under an open stencil": (show() + "1 g " + STAMP, lambda opened: image(opened, b"\xff", 8, ImageMask=True, BitsPerComponent=1), None),
    "under a stencil that cannot be told": (
        show() + "1 g " + STAMP,
        lambda opened: image(opened, b"\x00", 8, ImageMask=True, Filter=name("CCITTFaxDecode")),
        None,
    ),
    "white on a white stencil": (
        "1 g " + STAMP + show(first="1 g"),
        lambda opened: image(opened, b"\x00", 8, ImageMask=True, Filter=name("CCITTFaxDecode")),
        UNSEEN,
    ),
    "beside an image": (show() + "q 300 0 0 30 50 600 cm /I Do Q", image, None),
    "under a turned image": (show() + "q 200 30 -30 200 60 430 cm /I Do Q", image, UNSEEN),
    "beside a turned image": (show(160, 431) + "q 200 30 -30 200 60 430 cm /I Do Q", image, None),
}


@pytest.mark.parametrize("case", ON_IMAGES)
def test_images_under_and_over_text(case: str) -> None:
    content, drawn, why = ON_IMAGES[case]
    layout = read(page(SEEN, "q ", content, " Q", parts=images(I=drawn)))
    expected = ("Total 1,250.00\n", (told(why),)) if why else (f"Total 1,250.00\n{WORDS}\n", ())
    assert (layout.text, layout.warnings) == expected


def test_an_inline_image_covers() -> None:
    content = show() + "q 300 0 0 30 50 490 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x20 EI Q"
    assert read(page(SEEN, content)).warnings == (told(UNSEEN),)


def test_an_image_that_unpacks_without_end_is_not_unpacked() -> None:
    def bomb(opened: pikepdf.Pdf) -> pikepdf.Object:
        made = image(opened, b"", Width=60_000, Height=60_000)
        made.write(zlib.compress(bytes(30_000_000)), filter=name("FlateDecode"))
        return made

    layout = read(page(SEEN, STAMP, show(first="1 g"), parts=images(I=bomb)))
    assert (layout.text, layout.warnings) == (f"Total 1,250.00\n{WORDS}\n", ())


# --- scans

SCAN = "q 595 0 0 842 0 0 cm /I Do Q "


def scan(opened: pikepdf.Pdf) -> pikepdf.Object:
    """A picture that shows something, as one of print does."""
    return image(opened, WHITE_PIXEL + DARK_PIXEL, Height=8)


LAYER = "".join(show(60, 780 - 20 * line, f"line {line} of what OCR read") for line in range(30))
LAYER_COUNT = sum(len(f"line{line}ofwhatOCRread") for line in range(30))
LAYER_TOLD = f"page 1: {LAYER_COUNT} character(s) are the hidden text layer of a scan, as an OCR engine read it"


@pytest.mark.parametrize(
    "content",
    [SCAN + "3 Tr " + LAYER, "3 Tr " + LAYER + SCAN, LAYER + SCAN, "q /T gs " + LAYER + "Q " + SCAN],
    ids=["invisible over it", "invisible under it", "under it", "transparent"],
)
def test_the_text_layer_of_a_scan_stays_and_is_told(content: str) -> None:
    def parts(opened: pikepdf.Pdf) -> Mapping[str, Any]:
        return images(I=scan)(opened) | states(T={"ca": 0})(opened)

    layout = read(page(content, parts=parts))
    assert layout.text.splitlines() == [f"line {line} of what OCR read" for line in range(30)]
    assert layout.warnings == (LAYER_TOLD,)


def test_a_scan_in_strips_is_a_scan() -> None:
    strips = "".join(f"q 595 0 0 85 0 {85 * strip} cm /I Do Q " for strip in range(10))
    assert read(page(strips, "3 Tr ", LAYER, parts=images(I=scan))).warnings == (LAYER_TOLD,)


def test_hidden_text_on_a_picture_that_shows_nothing_is_no_layer_of_it() -> None:
    blank = page(SCAN, "3 Tr ", LAYER, parts=images(I=lambda opened: image(opened, WHITE_PIXEL)))
    with pytest.raises(InputError, match="560 hidden"):
        read(blank)


def test_a_stamp_on_a_scan_is_read_with_its_layer() -> None:
    layout = read(page(SCAN, "q 1 g 395 8 100 20 re f 0 g ", show(400, 12, "Copy 17"), "Q 3 Tr ", LAYER, parts=images(I=image)))
    assert layout.text.splitlines()[-1] == "Copy 17"
    assert layout.warnings == (LAYER_TOLD,)


def test_a_page_with_text_of_its_own_on_a_picture_is_no_scan() -> None:
    seen = "".join(show(60, 780 - 20 * line, f"line {line} that is printed") for line in range(20))
    layout = read(page(SCAN, seen, show(300, 300, first="3 Tr"), parts=images(I=lambda opened: image(opened, WHITE_PIXEL))))
    assert len(layout.text.splitlines()) == 20
    assert layout.warnings == (told(INVISIBLE),)


def test_invisible_text_on_a_page_with_a_small_image_is_no_scan() -> None:
    layout = read(page(SEEN, STAMP, show(first="3 Tr"), parts=images(I=image)))
    assert (layout.text, layout.warnings) == ("Total 1,250.00\n", (told(INVISIBLE),))


# --- layers


def layered(spec: Callable[[pikepdf.Pdf, pikepdf.Object, pikepdf.Object], Any], content: str, start: Mapping[str, Any]) -> bytes:
    """A page whose property /L is what `spec` makes of two groups, the first of which is off."""
    opened = pikepdf.open(io.BytesIO(page(SEEN, content)))
    off, on = (opened.make_indirect(dictionary(Type=name("OCG"), Name=title)) for title in ("off", "on"))
    settings = (
        {"OFF": pikepdf.Array([off])} if not start else {key: value(off, on) if callable(value) else value for key, value in start.items()}
    )
    opened.Root.OCProperties = dictionary(OCGs=pikepdf.Array([off, on]), D=dictionary(**settings))
    opened.pages[0].obj.Resources.Properties = dictionary(L=spec(opened, off, on))
    form = stream(opened, show(), Subtype=name("Form"), BBox=pikepdf.Array(A4), OC=spec(opened, off, on))
    form.Resources = dictionary(Font=opened.pages[0].obj.Resources.Font)
    opened.pages[0].obj.Resources.XObject = dictionary(X=opened.make_indirect(form))
    out = io.BytesIO()
    opened.save(out)
    return out.getvalue()


def member(**entries: Any) -> pikepdf.Dictionary:
    return dictionary(Type=name("OCMD"), **entries)


LAYERS: dict[str, tuple[Callable[[pikepdf.Pdf, pikepdf.Object, pikepdf.Object], Any], bool]] = {
    "off": (lambda _, off, on: off, True),
    "on": (lambda _, off, on: on, False),
    "any on": (lambda _, off, on: member(OCGs=pikepdf.Array([off, on])), False),
    "one group": (lambda _, off, on: member(OCGs=off), True),
    "all on": (lambda _, off, on: member(OCGs=pikepdf.Array([off, on]), P=name("AllOn")), True),
    "any off": (lambda _, off, on: member(OCGs=pikepdf.Array([off, on]), P=name("AnyOff")), False),
    "all off": (lambda _, off, on: member(OCGs=pikepdf.Array([on]), P=name("AllOff")), True),
    "no group": (lambda _, off, on: member(OCGs=pikepdf.Array([])), False),
    "not off": (lambda _, off, on: member(VE=pikepdf.Array([name("Not"), off])), False),
    "not on": (lambda _, off, on: member(VE=pikepdf.Array([name("Not"), on])), True),
    "on and off": (lambda _, off, on: member(VE=pikepdf.Array([name("And"), on, off])), True),
    "on or off": (lambda _, off, on: member(VE=pikepdf.Array([name("Or"), on, off])), False),
    "on and not off": (lambda _, off, on: member(VE=pikepdf.Array([name("And"), on, pikepdf.Array([name("Not"), off])])), False),
}
IN_LAYER = "/OC /L BDC /Span BMC " + show() + "EMC EMC "


@pytest.mark.parametrize("content", [IN_LAYER, "/X Do "], ids=["marked", "form"])
@pytest.mark.parametrize("case", LAYERS)
def test_what_stands_in_a_layer_that_is_off_is_hidden(case: str, content: str) -> None:
    spec, is_hidden = LAYERS[case]
    layout = read(layered(spec, content + show(60, 400, "after it"), {}))
    expected = ("Total 1,250.00\nafter it\n", (told(UNSEEN),)) if is_hidden else (f"Total 1,250.00\n{WORDS}\nafter it\n", ())
    assert (layout.text, layout.warnings) == expected


def test_layers_may_be_off_from_the_start_or_for_viewing() -> None:
    base = {"BaseState": name("OFF"), "ON": lambda off, on: pikepdf.Array([on])}
    assert read(layered(lambda _, off, on: off, IN_LAYER, base)).warnings == (told(UNSEEN),)
    assert read(layered(lambda _, off, on: on, IN_LAYER, base)).warnings == ()

    def for_viewing(off: pikepdf.Object, on: pikepdf.Object) -> Any:
        off.Usage = dictionary(View=dictionary(ViewState=name("OFF")))
        return pikepdf.Array([dictionary(Event=name("View"), Category=pikepdf.Array([name("View")]), OCGs=pikepdf.Array([off]))])

    assert read(layered(lambda _, off, on: off, IN_LAYER, {"AS": for_viewing})).warnings == (told(UNSEEN),)


def test_a_box_in_a_layer_that_is_off_neither_covers_nor_grounds() -> None:
    cover = show() + "/OC /L BDC 1 g 50 490 300 30 re f EMC"
    assert read(layered(lambda _, off, on: off, cover, {})).warnings == ()
    ground = "/OC /L BDC 0 g 50 490 300 30 re f EMC " + show(first="1 g")
    assert read(layered(lambda _, off, on: off, ground, {})).warnings == (told(UNSEEN),)


# --- forms and groups


def formed(content: str, before: str, **entries: Any) -> bytes:
    def parts(opened: pikepdf.Pdf) -> Mapping[str, Any]:
        form = stream(opened, content, Subtype=name("Form"), BBox=entries.pop("BBox", pikepdf.Array(A4)), **entries)
        form.Resources = dictionary(Font=dictionary(F1=dictionary(Type=name("Font"), Subtype=name("Type1"), BaseFont=name("Helvetica"))))
        gone, half, multiply = dictionary(ca=0.01), dictionary(ca=0.5), dictionary(BM=name("Multiply"))
        return {"XObject": dictionary(X=opened.make_indirect(form)), "ExtGState": dictionary(G=gone, H=half, M=multiply)}

    return page(SEEN, "q ", before, " /X Do Q", parts=parts)


GROUP = {"Group": dictionary(S=name("Transparency"))}


@pytest.mark.parametrize(
    ("before", "why", "entries"),
    [
        ("1 g", UNSEEN, {}),
        ("/G gs", TRANSPARENT, {}),
        ("/G gs", UNSEEN, GROUP),
        ("3 Tr", INVISIBLE, {}),
        ("300 300 50 50 re W n", UNSEEN, {}),
        ("", UNSEEN, {"BBox": [0, 0, 50, 50]}),
        ("0.01 0 0 0.01 60 500 cm", TINY, {}),
        ("", None, {}),
        ("/H gs", None, GROUP),
        ("/M gs", None, GROUP),
        ("0 0 0.4 rg 50 490 300 30 re f 1 g", None, {}),
    ],
)
def test_a_form_inherits_what_hides_its_text(before: str, why: str | None, entries: Mapping[str, Any]) -> None:
    layout = read(formed(show(), before, **entries))
    assert len(layout.warnings) == bool(why)
    if why:
        assert_told(layout.warnings[0], why)


def test_a_group_that_mixes_as_a_whole_shows_its_own_white_text() -> None:
    assert read(formed("0 g 50 490 300 30 re f " + show(first="1 g"), "/M gs", **GROUP)).warnings == ()


# --- fonts that the file draws itself


def to_unicode(opened: pikepdf.Pdf, meaning: int) -> pikepdf.Stream:
    """A map by which the character a means another."""
    head = "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange "
    return stream(opened, f"{head}1 beginbfchar <61> <{meaning:04x}> endbfchar endcmap end")


def drawn_font(glyph: str, box: list[float], matrix: list[float], width: float) -> Parts:
    def parts(opened: pikepdf.Pdf) -> Mapping[str, Any]:
        glyphs = dictionary(a=opened.make_indirect(stream(opened, glyph)))
        encoding = dictionary(Type=name("Encoding"), Differences=pikepdf.Array([97, name("a")]))
        font = dictionary(Type=name("Font"), Subtype=name("Type3"), FontBBox=box, FontMatrix=matrix, CharProcs=glyphs, Encoding=encoding)
        font.FirstChar, font.LastChar, font.Widths = 97, 97, pikepdf.Array([width])
        font.ToUnicode = opened.make_indirect(to_unicode(opened, 0x61))
        return {"Font": dictionary(T=opened.make_indirect(font))}

    return parts


BY_COLOUR = "40 0 0 0 40 40 d1 0 0 40 40 re f"
THIN = [0.012, 0, 0, 0.012, 0, 0]


@pytest.mark.parametrize(
    ("glyph", "box", "matrix", "before", "why"),
    [
        (BY_COLOUR, [0, 0, 40, 40], THIN, "/T 20 Tf 0 g", None),
        (BY_COLOUR, [0, 0, 40, 40], THIN, "/T 20 Tf 1 g", UNSEEN),
        ("40 0 d0 0 0 0.5 rg 0 0 40 40 re f", [0, 0, 40, 40], THIN, "/T 20 Tf 1 g", None),
        (BY_COLOUR, [0, 0, 0, 0], THIN, "/T 20 Tf 0 g", None),
        (BY_COLOUR, [0, 0, 1, -1], THIN, "/T 20 Tf 0 g", None),
        (BY_COLOUR, [0, 0, 40, 40], [1, 0, 0, 1, 0, 0], "/T 0.24 Tf 0 g", None),
        (BY_COLOUR, [0, 0, 40, 40], [1, 0, 0, 1, 0, 0], "/T 0.01 Tf 0 g", TINY),
    ],
)
def test_characters_that_the_file_draws_are_judged_by_their_own_size_and_colour(
    glyph: str, box: list[float], matrix: list[float], before: str, why: str | None
) -> None:
    content = f"BT {before} 60 500 Td (aaa) Tj ET"
    layout = read(page(SEEN, content, parts=drawn_font(glyph, box, matrix, 40)))
    assert len(layout.warnings) == bool(why)
    if why:
        assert_told(layout.warnings[0], why, "aaa", 1 if why == TINY else 3)


# --- documents


def ruled(sheet: Sheet) -> None:
    """A table with a dark head in white letters and every second row shaded."""
    canvas = sheet.canvas
    canvas.setFillColorRGB(0.1, 0.2, 0.5)
    canvas.rect(60, sheet.height - 120, 340, 20, stroke=0, fill=1)
    canvas.setFillColorRGB(0.9, 0.95, 1)
    canvas.rect(60, sheet.height - 160, 340, 20, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    sheet.table((60, 200, 400), (100, 120, 140, 160), [(row, col, 1, 1, ()) for row in range(3) for col in range(2)])
    for row, texts in enumerate((("Name", "Amount"), ("甲", "1.00"), ("乙", "2.00"))):
        canvas.setFillColorRGB(*((1, 1, 1) if row == 0 else (0, 0, 0)))
        for col, text in enumerate(texts):
            sheet.text((63, 203)[col], 103 + 20 * row, text)


def test_white_letters_on_the_dark_head_of_a_table_stay() -> None:
    layout = read(pdf(ruled))
    assert (layout.text, layout.warnings) == ("Name\tAmount\n甲\t1.00\n乙\t2.00\n", ())


@pytest.mark.parametrize(("before", "after", "why"), [(True, False, None), (False, True, UNSEEN), (False, False, UNSEEN)])
def test_vertical_writing_is_judged_where_its_ink_stands(before: bool, after: bool, why: str | None) -> None:
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
    from reportlab.pdfbase.pdfmetrics import registerFont  # type: ignore[import-untyped]

    registerFont(UnicodeCIDFont("HeiseiMin-W3", isVertical=True))

    def column(sheet: Sheet) -> None:
        sheet.text(60, 60, "正文")
        sheet.canvas.rect(270, sheet.height - 350, 60, 60, stroke=0, fill=int(before))
        sheet.canvas.setFillGray(0 if after else 1)
        sheet.canvas.setFont("HeiseiMin-W3", 12)
        sheet.canvas.drawString(300, sheet.height - 300, "縦書き")
        sheet.canvas.rect(270, sheet.height - 350, 60, 60, stroke=0, fill=int(after))

    layout = read(pdf(column))
    assert layout.text.split() == (["正文"] if why else ["正文", "縦書き"])
    assert layout.warnings == ((told(why, "縦 書 き", 3),) if why else ())


@pytest.mark.parametrize("place", [(64, 103), (64, 143), (420, 123), (60, 300)])
def test_hidden_text_in_and_beside_a_table_changes_nothing_of_it(place: tuple[float, float]) -> None:
    def with_hidden(sheet: Sheet) -> None:
        ruled(sheet)
        text = sheet.canvas.beginText(place[0], sheet.height - place[1] - 10)
        text.setFont("Helvetica", 9)
        text.setTextRenderMode(3)
        text.textOut(WORDS)
        sheet.canvas.drawText(text)

    plain, layout = read(pdf(ruled)), read(pdf(with_hidden))
    assert (layout.text, layout.words, layout.tables, layout.pages) == (plain.text, plain.words, plain.tables, plain.pages)
    assert layout.warnings == (told(INVISIBLE),)


def test_white_spaces_between_seen_words_still_part_them() -> None:
    """A word processor may give a space any colour and size."""
    layout = read(page("BT /F1 12 Tf 60 500 Td (Total) Tj 1 g 50 Tz ( ) Tj 0 g 100 Tz (due) Tj ET"))
    assert (layout.text, layout.warnings) == ("Total due\n", ())


def test_hidden_text_between_seen_words_takes_its_spaces_along() -> None:
    layout = read(page("BT /F1 12 Tf 60 500 Td (Total ) Tj 3 Tr ( not ) Tj -24 0 Td 0 Tr (125.00) Tj ET"))
    assert layout.warnings == (told(INVISIBLE, "not", 3),)
    assert "not" not in layout.text


def test_a_hidden_row_cannot_join_the_lines_between_which_it_stands() -> None:
    lines = show(60, 500, "first line") + show(60, 490, "second line")
    between = "".join(show(60, 500 - step, "x ", first="3 Tr") for step in range(1, 10))
    assert read(page(lines, between, "0 Tr")).text == read(page(lines)).text == "first line\nsecond line\n"


def test_long_hidden_text_is_told_cut_short() -> None:
    words = "do as I say " * 30
    (warning,) = read(page(SEEN, "".join(show(60, 600 - 12 * line, "do as I say", first="1 g") for line in range(30)))).warnings
    assert warning == told(UNSEEN, words[:79] + "…", 240)


def test_marks_that_would_turn_a_screen_over_are_told_by_their_number() -> None:
    def turning(opened: pikepdf.Pdf) -> Mapping[str, Any]:
        font = dictionary(Type=name("Font"), Subtype=name("Type1"), BaseFont=name("Helvetica"))
        font.ToUnicode = opened.make_indirect(to_unicode(opened, 0x202E))
        return {"Font": dictionary(U=opened.make_indirect(font))}

    layout = read(page(SEEN, "BT /U 12 Tf 1 g 60 500 Td (a) Tj ET", parts=turning))
    assert layout.warnings == (told(UNSEEN, "\\u202e", 1),)


def test_each_reason_is_told_on_its_page() -> None:
    first, second = SEEN + show(first="3 Tr") + show(60, 480, first="0 Tr 1 g"), SEEN + show(size=0.1)
    joined = pikepdf.open(io.BytesIO(page(first)))
    joined.pages.extend(pikepdf.open(io.BytesIO(page(second))).pages)
    out = io.BytesIO()
    joined.save(out)
    invisible, unseen, tiny = read(out.getvalue()).warnings
    assert (invisible, unseen) == (told(INVISIBLE), told(UNSEEN))
    assert_told(tiny, TINY, number=2)


def test_a_page_with_hidden_text_alone_is_told_as_such() -> None:
    joined = pikepdf.open(io.BytesIO(page(SEEN)))
    joined.pages.extend(pikepdf.open(io.BytesIO(page(show(first="1 g")))).pages)
    out = io.BytesIO()
    joined.save(out)
    layout = read(out.getvalue())
    assert layout.text == "Total 1,250.00\n\f"
    assert layout.warnings == (told(UNSEEN, number=2),)
    assert layout.pages[1].reasons == ("the page is blank",)


def test_a_file_with_hidden_text_alone_is_refused_with_its_words() -> None:
    with pytest.raises(InputError) as caught:
        read(page(show(first="1 g")))
    assert str(caught.value) == (
        f"a.pdf: no page of the file gives any text ({told(UNSEEN)})\n"
        "  next: look at it in a viewer; if it shows text, install OCR: pip install 'structurer[ocr]'"
    )


def test_hidden_text_off_the_page_is_told_once() -> None:
    """Nothing is drawn there, so its colour is of no matter; its state is."""
    layout = read(page(SEEN, show(700, 500, first="1 g"), show(700, 400, "seen", first="0 g"), show(700, 300, "ghost", first="3 Tr")))
    outside = f'page 1: {COUNT + 4} character(s) lie off the page and were left out: "{WORDS} seen"'
    assert layout.warnings == (outside, told(INVISIBLE, "ghost", 5))


def test_a_white_number_on_a_disc_that_is_a_character_stays(fonts: str) -> None:
    def bullet(sheet: Sheet) -> None:
        sheet.text(60, 60, "●", 20)
        sheet.canvas.setFillColorRGB(1, 1, 1)
        sheet.text(66, 64, "7")
        sheet.text(60, 100, "unseen")

    if fonts == WITHOUT:
        pytest.xfail("PDFium draws no disc there, so the number is as white as its ground")
    layout = read(pdf(bullet))
    assert layout.text == "● 7\n"
    assert layout.warnings == (told(UNSEEN, "unseen", 6),)


def test_a_character_alone_in_a_font_that_is_not_in_the_file_is_read_and_judged_as_others() -> None:
    def alone(sheet: Sheet) -> None:
        texts = (("甲", "1"), ("乙", "2"))
        sheet.table((60, 100, 200), (100, 120, 140), [(row, col, 1, 1, (texts[row][col],)) for row in (0, 1) for col in (0, 1)])
        sheet.canvas.setFillColorRGB(1, 1, 1)
        sheet.text(60, 200, "丙")

    layout = read(pdf(alone))
    assert (layout.text, layout.warnings) == ("甲\t1\n乙\t2\n", (told(UNSEEN, "丙", 1),))


def test_what_stands_in_one_object_is_judged_sign_by_sign_where_not_all_can_be_drawn() -> None:
    def mixed(sheet: Sheet) -> None:
        sheet.canvas.setFillColorRGB(0.9, 0.9, 0.9)
        sheet.canvas.rect(60, 300, 200, 40, stroke=0, fill=1)
        sheet.canvas.setFillColorRGB(0, 0, 0)
        sheet.text(60, 60, "正文 12.50")
        sheet.canvas.setFillColorRGB(1, 1, 1)
        sheet.text(60, 100, "密文 7.5")

    layout = read(pdf(mixed))
    assert (layout.text, layout.warnings) == ("正文 12.50\n", (told(UNSEEN, "密文 7.5", 5),))


# --- hostile pages


def test_a_page_that_prints_upon_itself_without_end_is_told_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfsight, "MOST_ALONE", 8)
    upon = "".join(show(60 + 3 * step, 500 - 3 * step, f"word {step}", first="0 g") for step in range(20))
    layout = read(page(SEEN, upon, show(60, 450, first="3 Tr"), show(60, 400, "more", first="0 Tr")))
    assert {"Total 1,250.00", "more"} < set(layout.text.splitlines())
    assert sum(layout.text.count(f"{step}") for step in range(10, 20)) == 10
    assert layout.warnings == ("page 1: the page prints too much upon itself to tell whether it hides text", told(INVISIBLE))


def test_a_path_of_too_many_corners_is_taken_to_be_anywhere_in_its_box() -> None:
    zigzag = "50 490 m " + "".join(f"{50 + step / 4} {490 + 30 * (step % 2)} l " for step in range(1000)) + "f "
    assert read(page(SEEN, "0 g ", zigzag, show(first="1 g"))).text == f"Total 1,250.00\n{WORDS}\n"
    assert read(page(SEEN, show(), "1 g ", zigzag)).text == f"Total 1,250.00\n{WORDS}\n"
    assert read(page(SEEN, "1 g ", zigzag, show(first="1 g"))).warnings == (told(UNSEEN),)


HUGE = "9" * 400 + ".0"  # no number of a computer


@pytest.mark.parametrize(
    "content",
    [
        "/None gs /None cs /None scn 1 2 3 scn scn SCN /None sh /None Do EMC EMC Q Q",
        "(a) g (a) (b) (c) rg /A gs 7 cs W n re re W* n",
        f"{HUGE} 0 0 1 0 0 cm 0 0 {HUGE} 1 re f 0 0 1 1 re W n",
        "/C cs 99999999999999999999 scn",
        f"q 595 0 0 342 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x7f EI Q BT /F1 12 Tf 3 Tr 1 0 0 1 {HUGE} {HUGE} Tm (x) Tj ET",
        f"BT /F1 {HUGE} Tf (x) Tj ET",
        "/OC /L BDC /OC 7 BDC /L /OC BDC",
        "q " * 50 + "1 0 0 1 0 0 cm " * 50,
        "0 0 0 0 0 0 cm",
    ],
)
def test_broken_operators_are_no_reason_to_refuse_a_page(content: str) -> None:
    loops = dictionary(A=dictionary(ca=name("x"), BM=[], SMask=7), B=7)
    raw = page(SEEN, content, parts=lambda opened: {"ExtGState": loops, "ColorSpace": dictionary(C=indexed(opened), D=name("D"))})
    assert "Total 1,250.00" in read(raw).text


# --- properties

STATES: dict[str, str] = {
    "invisible": "3 Tr",
    "tiny": "0.02 0 0 0.02 0 0 cm",
    "clipped": "1000 1000 5 5 re W n",
    "transparent": "/T gs",
}
VISIBLE_LINES = st.lists(
    st.tuples(
        st.integers(40, 400),
        st.integers(2, 38),
        st.sampled_from(["Total", "1,250.00", "a b", "x", "Name of unit"]),
        st.sampled_from(["0 g", "1 g", "0.5 g", "0.7 0 0 rg"]),
        st.sampled_from([8, 10, 12]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda line: line[1],
)


def drawn(lines: list[tuple[int, int, str, str, int]]) -> str:
    """Lines in rows of 20 points; white ones stand on dark boxes."""
    parts = []
    for x, row, text, colour, size in lines:
        ground = f"0.1 0.1 0.3 rg {x - 5} {20 * row - 4} 160 18 re f " if colour == "1 g" else ""
        parts.append(f"{ground}{colour} BT /F1 {size} Tf {x} {20 * row} Td ({text}) Tj ET ")
    return "".join(parts)


@settings(max_examples=40, deadline=None)
@given(VISIBLE_LINES, st.sampled_from(sorted(STATES)), st.integers(0, 520), st.integers(4, 820), st.integers(0, 11))
def test_hiding_a_text_anywhere_changes_nothing_of_what_is_seen(
    lines: list[tuple[int, int, str, str, int]], state: str, x: int, y: int, before: int
) -> None:
    place = f"{x * 50} {y * 50}" if state == "tiny" else f"{x} {y}"
    secret = f"q {STATES[state]} BT /F1 12 Tf {place} Td (unseen words) Tj ET Q "
    parts = states(T={"ca": 0})
    plain = read(page(drawn(lines), parts=parts))
    layout = read(page(drawn(lines[:before]), secret, drawn(lines[before:]), parts=parts))
    assert (layout.text, layout.words, layout.tables, layout.pages) == (plain.text, plain.words, plain.tables, plain.pages)
    (warning,) = (warning for warning in layout.warnings if warning not in plain.warnings)
    assert f"{TINY} and" in warning if state == "tiny" else '"unseen words"' in warning


@settings(max_examples=40, deadline=None)
@given(VISIBLE_LINES, st.sampled_from(["1 g", "cover"]), st.integers(0, 300), st.integers(2, 38))
def test_hiding_a_text_by_colour_or_cover_in_a_free_row_changes_nothing_of_what_is_seen(
    lines: list[tuple[int, int, str, str, int]], way: str, x: int, row: int
) -> None:
    free = [line for line in lines if line[1] not in (row - 1, row, row + 1)] or [(60, row % 30 + 5, "Total", "0 g", 12)]
    text = f"BT /F1 10 Tf {x} {20 * row} Td (unseen words) Tj ET "
    secret = f"q 1 g {text} Q " if way == "1 g" else f"q 0 g {text} 1 g {x - 2} {20 * row - 3} 200 13 re f Q "
    plain, layout = read(page(drawn(free))), read(page(drawn(free), secret))
    assert layout.text == plain.text
    assert layout.words == plain.words
    assert '"unseen words"' in layout.warnings[-1]


@settings(max_examples=25, deadline=None)
@given(VISIBLE_LINES)
def test_text_that_contrasts_with_its_ground_is_never_called_hidden(lines: list[tuple[int, int, str, str, int]]) -> None:
    assert read(page(drawn(lines))).warnings == ()


def test_encrypted_pictures_are_read_as_well() -> None:
    raw = pdfs.encrypted(
        page(SEEN, STAMP, show(first="1 g"), parts=images(I=lambda opened: image(opened, WHITE_PIXEL))), user="", owner="x"
    )
    assert read(raw).warnings == (told(UNSEEN),)
