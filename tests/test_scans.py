from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import papers
import pytest
import scanning
from PIL import Image, ImageDraw, ImageFont
from sketches import font_folder

from structurer.document import SURE, Box
from structurer.errors import InputError
from structurer.ocr.engine import Engine, Glyph, load
from structurer.ocr.printlines import completed, lines_of, rooms_of
from structurer.ocr.scans import recognised
from structurer.ocr.straight import lens_of
from structurer.ocr.strokes import Tables, tables_of
from structurer.ocr.twice import DOUBT, TOO_SURE, agree, doubted_beside_marks, least, oddities, sifted, sober, text_of, weighed
from structurer.sheets.blocks import lines
from structurer.sheets.script import Script
from structurer.sheets.sheet import Char, Sheet

DPI = 200
FIGURE = re.compile(r"[\d,.]+%?")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load()


@cache
def _paper(kind: str) -> papers.Paper:
    return papers.paper(kind, "reportlab", 1)


def _folded(text: str) -> str:
    return re.sub(r"\s|[—–-]", "", unicodedata.normalize("NFKC", text))


def _text(chars: Sequence[Char]) -> str:
    return _folded("".join(word.text for line in lines(chars) for word in line))


def _cells(sheet: Sheet) -> list[tuple[str, float]]:
    """What each cell says, and how sure its least sure character is."""
    held: dict[Box, list[Char]] = {box: [] for table in sheet.tables for box in table}
    for char in sheet.chars:
        x, y = char.middle
        if box := next((box for box in held if box.x0 <= x < box.x1 and box.top <= y < box.bottom), None):
            held[box].append(char)
    return [(_text(chars), min((char.confidence or 0.0 for char in chars), default=1.0)) for chars in held.values()]


def _truth(kind: str) -> list[str]:
    return [_folded(cell.text) for table in _paper(kind).tables for cell in table]


def _read(kind: str, level: str, engine: Engine, *effects: str, dpi: int = DPI) -> Sheet:
    return recognised(scanning.scanned(_paper(kind).raw, 0, dpi, level, 1, frozenset(effects)), dpi, engine)


def _wrong(read: Sequence[tuple[str, float]], truth: Sequence[str]) -> list[tuple[str, str, float]]:
    return [(said, wanted, sure) for (said, sure), wanted in zip(read, truth, strict=True) if said != wanted]


def _drawn(
    *figures: tuple[int, int, str], rules: Sequence[tuple[int, int, int, int]] = (), size: tuple[int, int] = (1654, 1200)
) -> np.ndarray:
    """A page of 200 dpi with texts of 10 points and rules, in pixels."""
    page = Image.new("L", size, 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(font_folder() / "SimHei.ttf"), 28)
    for x, y, text in figures:
        pen.text((x, y), text, fill=0, font=font)
    for rule in rules:
        pen.line(rule, fill=0, width=2)
    return np.asarray(page)


def _grid(xs: Sequence[int], ys: Sequence[int]) -> list[tuple[int, int, int, int]]:
    return [(xs[0], y, xs[-1], y) for y in ys] + [(x, ys[0], x, ys[-1]) for x in xs]


def _found(page: np.ndarray) -> Tables:
    return tables_of(np.asarray(page, np.uint8), np.zeros((10, 10), np.float32), DPI / 72)


# --- whole pages


def test_every_figure_of_a_scanned_form_is_read_in_its_cell(engine: Engine) -> None:
    sheet = _read("self_evaluation", "medium", engine)
    wrong = _wrong(_cells(sheet), _truth("self_evaluation"))
    assert not [case for case in wrong if FIGURE.fullmatch(case[1])]
    assert len(wrong) <= 2


def test_what_is_known_of_the_picture_stands_on_the_sheet(engine: Engine) -> None:
    sheet = recognised(_drawn((300, 300, "合计 1,234.50")), DPI, engine)
    assert (sheet.decision, sheet.dpi, sheet.angle) == ("ocr", DPI, 0.0)
    assert sheet.engine is not None
    assert "rapidocr" in sheet.engine
    assert (sheet.width, sheet.height) == pytest.approx((1654 * 72 / 200, 1200 * 72 / 200))
    assert _text(sheet.chars) == "合计1,234.50"
    assert all(105 < char.box.x0 < 175 and 105 < char.middle[1] < 122 for char in sheet.chars)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_that_lies_or_stands_on_its_head_is_turned(engine: Engine, quarters: int) -> None:
    upright = _drawn(*((200, 200 + 80 * row, "序号 3 防汛物资购置 合计 1,234.50 元") for row in range(8)))
    sheet = recognised(np.ascontiguousarray(np.rot90(upright, quarters)), DPI, engine)
    assert sheet.angle == pytest.approx(90 * quarters)
    assert _text(sheet.chars).count("1,234.50") == 8


def test_a_page_photographed_askew_has_the_cells_of_its_form(engine: Engine) -> None:
    sheet = _read("invoice", "light", engine, "photo")
    assert [len(table) for table in sheet.tables] == [len(table) for table in _paper("invoice").tables]
    assert not [case for case in _wrong(_cells(sheet), _truth("invoice")) if FIGURE.fullmatch(case[1])]


def test_wrong_figures_of_a_bad_scan_are_doubted(engine: Engine) -> None:
    wrong = _wrong(_cells(_read("self_evaluation", "heavy", engine, dpi=120)), _truth("self_evaluation"))
    assert all(sure < SURE for _, wanted, sure in wrong if FIGURE.fullmatch(wanted))


# --- cells


def test_figures_at_both_sides_of_a_rule_stay_apart(engine: Engine) -> None:
    page = _drawn(
        (322, 206, "1,234.50"), (446, 206, "678.90"), (322, 256, "12"), (446, 256, "34"), rules=_grid([310, 438, 560], [200, 250, 300])
    )
    assert [said for said, _ in _cells(recognised(page, DPI, engine))] == ["1,234.50", "678.90", "12", "34"]


def test_lone_dashes_and_single_digits_of_cells_are_read(engine: Engine) -> None:
    page = _drawn((352, 206, "—"), (480, 206, "7"), (352, 256, "8.5"), (480, 256, "-3"), rules=_grid([310, 438, 560], [200, 250, 300]))
    assert [said for said, _ in _cells(recognised(page, DPI, engine))] == ["", "7", "8.5", "3"]
    assert {char.text for char in recognised(page, DPI, engine).chars} >= {"—", "-"}


def test_a_label_set_downwards_in_a_narrow_cell_is_read_as_one(engine: Engine) -> None:
    label = [(316, 215 + 34 * row, char) for row, char in enumerate("绩效指标")]
    page = _drawn(*label, (400, 220, "产出"), (400, 300, "12.5"), rules=[*_grid([310, 350, 560], [200, 380]), (350, 280, 560, 280)])
    assert [said for said, _ in _cells(recognised(page, DPI, engine))] == ["绩效指标", "产出", "12.5"]


def test_tiny_print_on_a_large_page_is_found(engine: Engine) -> None:
    assert _text(recognised(_drawn((2400, 3300, "第 17 页"), size=(3300, 4400)), DPI, engine).chars) == "第17页"


def test_a_figure_under_a_red_stamp_is_read(engine: Engine) -> None:
    page = np.repeat(_drawn((300, 300, "合计 1,234.50 元"), (300, 380, "人数 87"))[..., None], 3, axis=2)
    stamp = page.copy()
    cv2.circle(stamp, (440, 330), 90, (205, 40, 40), 9)
    cv2.line(stamp, (360, 340), (520, 300), (205, 40, 40), 9)
    assert "1,234.50" in _text(recognised(np.minimum(page, stamp), DPI, engine).chars)


# --- the eye for lines


def test_skew_is_measured_to_a_twentieth_of_a_degree() -> None:
    page = _drawn(rules=_grid([200, 700, 1400], range(200, 1000, 60)))
    turned = cv2.warpAffine(page, cv2.getRotationMatrix2D((800, 600), 2.3, 1), page.shape[::-1], borderValue=255)
    assert lens_of(np.asarray(turned, np.uint8), DPI / 72).angle == pytest.approx(2.3, abs=0.05)


def test_underlines_and_strokes_of_titles_are_no_rules() -> None:
    page = _drawn((300, 200, "田中口日 目田"), rules=[(300, 240, 600, 240)])
    assert _found(page).cells == ()


def test_a_rule_with_breaks_still_encloses_cells() -> None:
    page = _drawn(rules=_grid([310, 438, 560], [200, 250, 300])).copy()
    page[:, 350:354] = page[222:228, :] = 255
    assert [len(table) for table in _found(page).cells] == [4]


def test_a_table_without_side_rules_has_its_outer_columns(engine: Engine) -> None:
    rules = [rule for rule in _grid([310, 438, 560, 690], [200, 250, 300]) if rule[0] != rule[2] or rule[0] in (438, 560)]
    texts = [(322, 206, "甲方"), (446, 206, "12"), (580, 206, "3.40"), (322, 256, "乙方"), (446, 256, "34"), (580, 256, "5.60")]
    assert [said for said, _ in _cells(recognised(_drawn(*texts, rules=rules), DPI, engine))] == [
        "甲方",
        "12",
        "3.40",
        "乙方",
        "34",
        "5.60",
    ]


def test_a_side_rule_too_pale_to_be_seen_closes_its_table() -> None:
    page = _drawn(rules=_grid([310, 438, 560], range(200, 500, 50))).copy()
    page[202:449, 558:563] = np.where(page[202:449, 558:563] < 128, 250, page[202:449, 558:563])
    page[260:280, 560] = page[410:440, 560] = 160
    assert [len(table) for table in _found(page).cells] == [10]


def test_a_cell_that_a_page_break_cuts_is_one_cell_of_two_scans(engine: Engine) -> None:
    columns, head, foot = (310, 438, 700), (1000, 1060, 1190), (60, 120, 180)
    above = [(columns[0], y, columns[-1], y) for y in head[:2]] + [(x, head[0], x, head[-1]) for x in columns]
    below = [(columns[0], y, columns[-1], y) for y in foot[1:]] + [(x, foot[0] - 30, x, foot[-1]) for x in columns]
    first = _drawn((322, 1010, "项目"), (450, 1010, "说明"), (322, 1090, "甲方"), (450, 1070, "第一行"), (450, 1120, "第二行"), rules=above)
    second = _drawn((450, 50, "第三行"), (322, 135, "乙方"), (450, 135, "56"), rules=below)
    script = Script()
    for page in (first, second):
        script.write_sheet(recognised(page, DPI, engine))
    written = script.taken(last=True)
    said = ["".join(written.text[start:end] for start, end in cell.pieces) for table in written.tables for cell in table.cells]
    assert [table.pages for table in written.tables] == [(1, 2)]
    assert said == ["项目", "说明", "甲方", "第一行第二行第三行", "乙方", "56"]


def test_strokes_that_stand_between_the_rules_of_a_low_row_are_no_rules() -> None:
    xs, ys = [310, 438, 560, 900], range(200, 400, 33)
    stems = [(x + 9, y + 6, x + 9, y + 27) for y in ys[:-1] for x in xs[:-1]]
    page = _drawn(rules=[*_grid(xs, ys), *stems]).astype(np.float32)
    spoilt = cv2.GaussianBlur(255 - 0.6 * (255 - page), (0, 0), 0.8) + np.random.default_rng(3).normal(0, 14, page.shape)
    assert [len(table) for table in _found(np.clip(spoilt, 0, 255)).cells] == [18]


def test_print_that_runs_over_a_rule_is_cut_there() -> None:
    cells = (Box(0, 0, 50, 20), Box(50, 0, 100, 20))
    print_ = np.zeros((40, 240), np.float32)
    print_[14:26, 20:180] = 0.9
    rooms = rooms_of(np.full((40, 240), 255, np.uint8), 2.0, [cells])
    assert [line.room in rooms for line in lines_of(print_, 2.0, rooms)] == [True, True]


def test_ink_beside_a_line_belongs_to_it_and_other_ink_is_a_line() -> None:
    cell = Box(0, 0, 100, 60)
    page = np.full((120, 200), 250, np.uint8)
    page[20:36, 80:120] = page[26:30, 60:72] = page[90:94, 100:120] = 0
    print_ = np.zeros((120, 200), np.float32)
    print_[22:34, 82:118] = 0.9
    rooms = rooms_of(page, 2.0, [(cell,)])
    whole, passed = completed(page, 2.0, rooms, lines_of(print_, 2.0, rooms))
    assert whole[0].box.x0 <= 30
    assert [round(line.box.top) in range(42, 47) for line in passed] == [True]


# --- doubt


def _reading(text: str, sure: float = 0.99, kin: float = 0.99) -> tuple[Glyph, ...]:
    return tuple(Glyph(char, place / len(text), (place + 1) / len(text), sure, kin) for place, char in enumerate(text))


def test_readings_that_agree_are_as_sure_as_they_are_on_average() -> None:
    reading, other = weighed(_reading("12.5", 0.9), _reading("12.5", 0.8))
    assert ([glyph.confidence for glyph in reading], other) == (pytest.approx([0.85] * 4), None)


def test_where_readings_differ_the_surer_one_stands_in_doubt_and_the_other_is_kept() -> None:
    reading, other = weighed(_reading("12.5", 0.9), _reading("72.5", 0.95))
    assert (text_of(reading), [glyph.confidence > 0.5 for glyph in reading], other) == ("72.5", [False, True, True, True], "12.5")


def test_what_two_of_three_readings_say_stands_before_what_a_surer_one_says() -> None:
    reading, other = weighed(_reading("12.5", 0.95), _reading("72.5", 0.8), _reading("72.5", 0.7))
    assert (text_of(reading), reading[0].confidence, other) == ("72.5", pytest.approx(0.5), "12.5")


def test_a_character_that_only_the_other_reading_has_casts_doubt_on_its_neighbours() -> None:
    reading, _ = weighed(_reading("450.71", 0.95), _reading("-450.71", 0.9))
    assert [glyph.confidence < SURE for glyph in reading] == [True, False, False, False, False, False]


def test_a_reading_that_is_a_figure_goes_before_a_surer_one_that_is_none() -> None:
    assert text_of(weighed(_reading("98.987,154.61", 0.9), _reading("98,987,154.61", 0.8))[0]) == "98,987,154.61"


def test_white_space_between_words_is_no_difference_but_between_digits_it_is() -> None:
    assert agree(_reading("第 12 页"), _reading("第12页"))
    assert not agree(_reading("12 5"), _reading("125"))


@pytest.mark.parametrize(
    ("read", "said"),
    [("28.418.373.39", "28,418,373.39"), ("31,021.88", "31,021.88"), ("567.79", "567.79"), ("1.234.567,80", "1.234.567,80")],
)
def test_points_and_commas_that_can_group_digits_in_one_way_only_are_those_of_it(read: str, said: str) -> None:
    reading = sober(_reading(read, 0.55, 0.98))
    assert (text_of(reading), {glyph.confidence for glyph in reading if glyph.text in ".,"}) == (said, {0.98**TOO_SURE})


@pytest.mark.parametrize("text", ["70.231", "70,231", "28.418.373"])
def test_a_mark_that_may_group_thousands_or_part_thousandths_is_doubted_sooner(text: str) -> None:
    reading = sober(_reading(text, 0.98, 1.0))
    assert text_of(reading) == text
    assert {glyph.confidence < SURE for glyph in reading if glyph.text in ".,"} == {True}
    assert {glyph.confidence < SURE for glyph in reading if glyph.text.isdigit()} == {False}


def test_the_letter_before_a_sum_is_the_sign_of_dollars_in_doubt() -> None:
    reading = sifted(_reading("S1,234.50"))
    assert (text_of(reading), reading[0].confidence) == ("$1,234.50", DOUBT)
    assert text_of(sifted(_reading("S12"))) == "S12"


def test_a_five_where_others_of_the_column_have_dollars_or_percent_is_doubted() -> None:
    left, right = (Box(x0, 0, x0 + 90, 20) for x0 in (10, 100))
    texts = [(left, "$268.09"), (left, "51976.37"), (left, "12"), (right, "90%"), (right, "905"), (right, "12"), (None, "905")]
    told = doubted_beside_marks([(room, _reading(text)) for room, text in texts])
    assert [[glyph.confidence for glyph in reading].index(DOUBT) if least(reading) == DOUBT else None for reading in told] == [
        None, 0, None, None, 2, None, None,
    ]  # fmt: skip


def test_the_engine_tells_how_sure_it_is_of_a_character_or_its_like(engine: Engine) -> None:
    (reading,) = engine.read([_drawn((20, 12, "$31,021.88"), size=(240, 50))])
    assert text_of(reading) == "$31,021.88"
    assert all(glyph.kin >= glyph.confidence > SURE for glyph in reading)


@pytest.mark.parametrize(
    "text", ["1,234.50", "2023.12.31", "-0.5%", "第3年", "12 / 40", "A4纸", "1.2.3 节", "≥95%", "1,234,567", "3.", "5人，7"]
)
def test_sound_figures_are_not_doubted(text: str) -> None:
    assert not oddities(text)


@pytest.mark.parametrize("text", ["1O5", "l2.5", "1.2345.6", "12.34,5", "12,34", "1.234.567", "85%6", ".90.78", "1379442 59"])
def test_what_is_no_figure_is_doubted(text: str) -> None:
    assert DOUBT in {glyph.confidence for glyph in sifted(_reading(text))}


# --- models


def test_a_folder_without_models_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        load(tmp_path)


def test_models_that_are_none_are_told(tmp_path: Path) -> None:
    for name in ("det.onnx", "rec.onnx"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be loaded"):
        load(tmp_path)


def test_missing_packages_are_told_with_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structurer.ocr.engine.find_spec", lambda name: None)
    with pytest.raises(InputError, match="structurer\\[ocr\\]"):
        load()


def test_a_picture_of_too_many_pixels_is_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="is not read"):
        recognised(np.broadcast_to(np.uint8(255), (20_000, 20_000)), DPI, engine)
