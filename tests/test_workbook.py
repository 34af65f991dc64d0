"""Workbooks: each sheet as a person sees it, values as their formats print them, and what is not seen in words."""

from __future__ import annotations

import datetime
import io

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from officefiles import X, blocks, grid, package, read, relations, rows, spans, xlsx

from structurer.errors import InputError
from structurer.office.numberformat import exact, general
from structurer.office.sheetgrid import Area, look
from structurer.sheets.sections import Ruled


def warnings(raw: bytes) -> tuple[str, ...]:
    return read(raw).warnings


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def c(place: str, value: str = "", kind: str = "str", style: int = 0, formula: str = "") -> str:
    written = f"<f>{formula}</f>" if formula else ""
    written += f"<v>{value}</v>" if value else ""
    return f'<c r="{place}" t="{kind}" s="{style}">{written}</c>'


def row(number: int, *cells: str, properties: str = "") -> str:
    return f'<row r="{number}" {properties}>{"".join(cells)}</row>'


def formats(*codes: str) -> str:
    """Styles 1, 2, ... with these format codes; a number is that of a built-in format."""
    own = "".join(f'<numFmt numFmtId="{200 + place}" formatCode="{code}"/>' for place, code in enumerate(codes) if not code.isdecimal())
    ids = "".join(f'<xf numFmtId="{code if code.isdecimal() else 200 + place}"/>' for place, code in enumerate(codes))
    return f'<numFmts>{own}</numFmts><cellXfs><xf numFmtId="0"/>{ids}</cellXfs>'


# --- values


def test_a_form_is_read_as_it_is_seen() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "预算表"
    sheet["A1"] = "2024年预算"
    sheet.merge_cells("A1:D1")
    sheet.append(["项目", "金额", "占比", "日期"])
    sheet.append(["道路", 1234.5, 0.1, datetime.date(2024, 3, 5)])
    sheet.append(["桥梁", -20, 0.9, None])
    for line in (3, 4):
        sheet.cell(line, 2).number_format = "#,##0.00_);(#,##0.00)"
        sheet.cell(line, 3).number_format = "0.0%"
        sheet.cell(line, 4).number_format = 'yyyy"年"m"月"d"日"'
    found = read(saved(book))
    assert [section.name for section in found.sections] == ["预算表"]
    (block,) = found.sections[0].blocks
    assert grid(block) == [
        ["2024年预算", "", "", ""],
        ["项目", "金额", "占比", "日期"],
        ["道路", "1,234.50", "10.0%", "2024年3月5日"],
        ["桥梁", "(20.00)", "90.0%", ""],
    ]
    assert spans(block) == {"2024年预算": (1, 4)}
    assert found.warnings == ()


def test_kinds_of_cells() -> None:
    raised = "<r><rPr><vertAlign val='superscript'/></rPr><t>4</t></r><rPh sb='0' eb='1'><t>yi</t></rPh>"
    strings = f"<si><t>共享</t></si><si><r><t>10</t></r>{raised}</si>"
    cells = (
        c("A1", "0", "s"),
        c("B1", "1", "s"),
        '<c r="C1" t="inlineStr"><is><t>内联_x000D_\n行</t></is></c>',
        c("D1", "1", "b"),
        c("E1", "#DIV/0!", "e", formula="1/0"),
        c("F1", "2024-03-05T00:00:00", "d"),
        c("G1", "文字", formula="A1"),
        c("H1", "3", "n"),
    )
    found = blocks(xlsx(rows(row(1, *cells)), strings=strings))
    assert grid(found[0]) == [["共享", "10⁴", "内联\n行", "TRUE", "#DIV/0!", "2024-03-05", "文字", "3"]]


def test_dates_that_chinese_programs_name_by_number_alone_are_dates() -> None:
    cells = (c("A1", "45356", "n", 1), c("B1", "45356", "n", 2), c("C1", "45356", "n", 3), c("D1", "0.5", "n", 4))
    assert grid(blocks(xlsx(rows(row(1, *cells)), styles=formats("31", "57", "14", "32")))[0]) == [
        ["2024年3月5日", "2024年3月", "2024/3/5", "12时00分"]
    ]


def test_the_epoch_of_1904_is_heeded() -> None:
    raw = xlsx(rows(row(1, c("A1", "43894", "n", 1), c("B1", "x"))), styles=formats("yyyy-mm-dd"), properties='date1904="1"')
    assert grid(blocks(raw)[0]) == [["2024-03-05", "x"]]


def test_a_formula_without_a_result_is_said_with_its_place() -> None:
    raw = xlsx(rows(row(1, c("A1", "合计"), c("B1", "", "n", formula="SUM(B2:B9)"), c("C1", "", formula='""'), c("D1", "x"))))
    assert warnings(raw) == (
        'sheet "Sheet1": 1 formula(s) have no result stored in the file (B1); open it in a spreadsheet program and save it again',
    )


def test_figures_that_the_print_lacks_are_said() -> None:
    raw = xlsx(rows(row(1, c("A1", "编号"), c("B1", "123456789012", "n"), c("C1", "1E+20", "n"), c("D1", "0.123456789012", "n"))))
    assert grid(blocks(raw)[0]) == [["编号", "1.23457E+11", "1E+20", "0.123456789"]]
    assert warnings(raw) == (
        'sheet "Sheet1": 1 number(s) are printed with an exponent and fewer figures than they have (B1 is 123456789012)',
    )


def test_formats_that_cannot_be_followed_leave_the_value_and_are_said() -> None:
    cells = (c("A1", "0.5", "n", 1), c("B1", "-1", "n", 2), c("C1", "45356.25", "n", 3), c("D1", "abc", "n"), c("E1", "x"))
    raw = xlsx(rows(row(1, *cells)), styles=formats("# ?/?", "yyyy-mm-dd", "[$-411]ggge"))
    assert grid(blocks(raw)[0]) == [["0.5", "-1", "2024-03-05 06:00:00", "abc", "x"]]
    assert warnings(raw) == (
        'sheet "Sheet1": 4 cell(s) have a format that cannot be followed; they stand as plain values (A1, B1, C1, D1)',
    )


def test_a_format_that_hides_its_value_is_heeded_and_said() -> None:
    raw = xlsx(rows(row(1, c("A1", "7", "n", 1), c("B1", "密", style=1), c("C1", "x"), c("D1", "y"))), styles=formats(";;;"))
    assert grid(blocks(raw)[0]) == [["x", "y"]]
    assert warnings(raw) == ('sheet "Sheet1": 2 cell(s) with a format that hides them (A1, B1) were left out: "7 密"',)


def test_formats_print_texts_too() -> None:
    assert grid(
        blocks(xlsx(rows(row(1, c("A1", "三", style=1), c("B1", "x"))), styles=formats("0;0;0;&quot;第&quot;@&quot;号&quot;")))[0]
    ) == [["第三号", "x"]]


# --- what is seen


def test_hidden_rows_columns_and_sheets_are_left_out_and_said() -> None:
    first = '<cols><col min="2" max="2" hidden="1"/></cols>' + rows(
        row(1, c("A1", "甲"), c("B1", "藏列"), c("C1", "乙")),
        row(2, c("A2", "藏行"), properties='hidden="1"'),
        row(3, c("A3", "丙"), c("C3", "丁")),
    )
    second, third = rows(row(1, c("A1", "藏表"))), rows(row(1, c("A1", "深藏")))
    found = read(xlsx(first, second, third, names=("表", "隐", "深"), states=("visible", "hidden", "veryHidden")))
    assert [(section.name, grid(section.blocks[0])) for section in found.sections] == [("表", [["甲", "乙"], ["丙", "丁"]])]
    assert found.warnings == (
        'sheet "表": 1 cell(s) in 1 hidden row(s) (2) were left out: "藏行"',
        'sheet "表": 1 cell(s) in 1 hidden column(s) (B) were left out: "藏列"',
        'the sheet "隐" is hidden; its 1 cell(s) were left out: "藏表"',
        'the sheet "深" is hidden so that only a macro can show it; its 1 cell(s) were left out: "深藏"',
    )


def test_a_merged_cell_shows_in_the_rows_that_are_seen() -> None:
    content = rows(row(1, c("A1", "合并"), properties='hidden="1"'), row(2, c("B2", "甲")), row(3, c("B3", "乙")))
    found = blocks(xlsx(content + '<mergeCells><mergeCell ref="A1:A3"/></mergeCells>'))
    assert grid(found[0]) == [["合并", "甲"], ["", "乙"]]
    assert spans(found[0]) == {"合并": (2, 1)}


def test_text_beneath_a_merged_cell_is_said() -> None:
    raw = xlsx(rows(row(1, c("A1", "上"), c("B1", "下"), c("C1", "右"))) + '<mergeCells><mergeCell ref="A1:B1"/></mergeCells>')
    assert grid(blocks(raw)[0]) == [["上", "右"]]
    assert warnings(raw) == ('sheet "Sheet1": 1 cell(s) beneath merged cells (B1) were left out: "下"',)


def test_merged_cells_that_overlap_are_taken_apart_and_said() -> None:
    merged = '<mergeCells><mergeCell ref="A1:B2"/><mergeCell ref="B2:C3"/></mergeCells>'
    raw = xlsx(rows(row(1, c("A1", "甲"), c("C1", "乙")), row(3, c("C3", "丙"))) + merged)
    assert warnings(raw) == ('sheet "Sheet1": 1 merged cell(s) overlap others and were taken apart (B2)',)


def test_blank_rows_part_blocks_and_blank_margins_are_dropped() -> None:
    content = rows(
        row(3, c("C3", "甲"), c("D3", "1")),
        row(4, c("C4", "乙"), c("D4", "2")),
        row(6, c("B6", "说明")),
        row(9, c("E9", "丙"), c("F9", "3")),
    )
    first, note, last = blocks(xlsx(content))
    assert (grid(first), note, grid(last)) == ([["甲", "1"], ["乙", "2"]], "说明", [["丙", "3"]])


def test_a_blank_place_between_labels_stays_a_place() -> None:
    content = rows(row(1, c("A1", "项目"), c("H1", "金额")), row(2, c("A2", "道路"), c("H2", "5")))
    assert grid(blocks(xlsx(content))[0]) == [["项目", "", "金额"], ["道路", "", "5"]]


def test_columns_that_only_merged_cells_cover_are_no_columns() -> None:
    merged = '<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="A2:C2"/><mergeCell ref="D1:F1"/><mergeCell ref="D2:F2"/></mergeCells>'
    content = rows(row(1, c("A1", "项目"), c("D1", "金额")), row(2, c("A2", "道路"), c("D2", "5")))
    assert grid(blocks(xlsx(content + merged))[0]) == [["项目", "金额"], ["道路", "5"]]


def test_rows_and_cells_may_leave_out_their_places() -> None:
    assert grid(
        blocks(xlsx("<sheetData><row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c><c><v>4</v></c></row></sheetData>"))[0]
    ) == [
        ["1", "2"],
        ["3", "4"],
    ]


def test_a_blank_sheet_is_a_section_without_blocks() -> None:
    found = read(xlsx(rows(), rows(row(1, c("A1", "x")))))
    assert [section.blocks for section in found.sections] == [(), ("x",)]


def test_shapes_are_read_and_pictures_charts_and_comments_said() -> None:
    drawing = (
        '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
        ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><xdr:sp><xdr:txBody><a:p><a:r><a:t>单位：</a:t></a:r><a:r><a:t>万元</a:t></a:r></a:p>'
        "</xdr:txBody></xdr:sp><xdr:pic/><c:chart/></xdr:wsDr>"
    )
    comments = f"<comments {X}><commentList><comment ref='A1'><text><t>请核对</t></text></comment></commentList></comments>"
    parts = {
        "xl/worksheets/_rels/sheet1.xml.rels": relations(rId1="drawing ../drawings/drawing1.xml", rId2="comments ../comments1.xml"),
        "xl/drawings/drawing1.xml": drawing,
        "xl/comments1.xml": comments,
    }
    margins = '<headerFooter><oddHeader>&amp;L&amp;"宋体"内部&amp;P</oddHeader></headerFooter>'
    raw = xlsx(rows(row(1, c("A1", "x"))) + margins, parts=parts)
    assert blocks(raw) == ["x", "单位：万元"]
    assert warnings(raw) == (
        'sheet "Sheet1": the headers and footers of its prints were left out: "内部"',
        'sheet "Sheet1": 1 picture(s) were not read; they may hold text',
        'sheet "Sheet1": 1 chart(s) were not read',
        'sheet "Sheet1": 1 comment(s) were left out: "请核对"',
    )


# --- sizes


def test_a_sheet_that_claims_all_places_is_small() -> None:
    content = '<dimension ref="A1:XFD1048576"/>' + rows(row(1, c("A1", "甲"), c("B1", "乙")), row(1048576, c("XFD1048576", "丙")))
    merged = '<mergeCells><mergeCell ref="A2:XFD1048575"/></mergeCells>'
    first, last = blocks(xlsx(content + merged))
    assert (grid(first), last) == ([["甲", "乙"]], "丙")


def test_a_merged_cell_over_all_places_is_one_cell() -> None:
    assert blocks(xlsx(rows(row(1, c("A1", "甲"))) + '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')) == ["甲"]


def test_cells_scattered_over_too_many_places_are_refused() -> None:
    lines = (row(line, c(f"{column(line)}{line}", "x"), c(f"XFD{line}", "y")) for line in range(2, 5000))
    with pytest.raises(InputError, match="spread over more than 20,000,000 places"):
        read(xlsx(rows(row(1, c("A1", "x")), *lines)))


def column(number: int) -> str:
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (rows(row(1, c("A1048577", "x"))), "a cell stands in row 1,048,577, column 1"),
        (rows(row(1, c("ZZZ1", "x"))), "a cell stands in row 1, column 18,278"),
        (rows(row(1, c("A1", "5", "s"))), "the cell A1 points to text 5 of 0"),
        (rows(row(1, c("A", "x"))), '"A" names no cell'),
        (rows(row(1, c("A1", "x"))) + '<mergeCells><mergeCell ref="?"/></mergeCells>', '"\\?" names no cell'),
    ],
)
def test_places_that_cannot_be_are_damage(content: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read(xlsx(content))


def test_a_missing_sheet_is_damage() -> None:
    parts = {
        "_rels/.rels": relations(rId1="officeDocument xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook {X}><sheets><sheet name="一" r:id="rId1"/></sheets></workbook>',
    }
    with pytest.raises(InputError, match='the sheet "一" is missing'):
        read(package(parts))


def test_a_workbook_whose_text_is_all_hidden_says_so() -> None:
    with pytest.raises(InputError, match=r'holds no text .*the sheet "Sheet1" is hidden'):
        read(xlsx(rows(row(1, c("A1", "x"))), states=("hidden",)))


# --- against an independent reader and a plain one

WORDS = st.text(alphabet="甲乙丙ab 1", min_size=1, max_size=5)
VALUES = st.one_of(st.integers(-(10**9), 10**9), WORDS, st.booleans(), st.none(), st.sampled_from([0.5, 1.25, -3.75]))


@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=5))
def test_every_value_that_openpyxl_reads_is_read(values: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in values:
        sheet.append(["@", *line])
    raw = saved(book)
    again = openpyxl.load_workbook(io.BytesIO(raw)).active
    assert again is not None
    expected = [str(cell.value).upper() if isinstance(cell.value, bool) else str(cell.value).strip() for cell in cells_of(again)]
    found = [cell.text for block in blocks(raw) if isinstance(block, Ruled) for cell in block.cells]
    found += [block for block in blocks(raw) if isinstance(block, str)]
    assert sorted(found) == sorted(text for text in expected if text)


def cells_of(sheet: object) -> list[object]:
    return [cell for line in sheet.iter_rows() for cell in line if cell.value is not None]  # type: ignore[attr-defined]


NUMBERS = st.one_of(st.decimals(-(10**11), 10**11, places=3).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr))
ODD_NUMBERS = st.sampled_from(("-0", "0", "00", "1.0", "1.50", ".5", "1E+3", "99999999999", "100000000000", "0.000000001", "-12345678.12"))


@given(st.one_of(NUMBERS, ODD_NUMBERS))
def test_the_general_format_prints_numbers_the_same_in_every_way(raw: str) -> None:
    value = exact(raw)
    assert value is not None
    assert blocks(xlsx(rows(row(1, c("A1", raw, "n"))))) == [general(value)]


SIDES, SIZES = st.integers(1, 6), st.integers(0, 3)
AREAS = st.builds(lambda top, left, high, wide: Area(top, left, top + high, left + wide), SIDES, SIDES, SIZES, SIZES)
PLACES = st.dictionaries(st.tuples(st.integers(1, 8), st.integers(1, 8)), st.sampled_from("甲乙丙丁"), max_size=20)
LINES = st.sets(st.integers(1, 9), max_size=4).map(sorted)


@given(PLACES, st.lists(AREAS, max_size=5), LINES, LINES)
def test_every_text_is_seen_once_or_said(texts: dict[tuple[int, int], str], merged: list[Area], rows: list[int], cols: list[int]) -> None:
    found = look(texts, merged, rows, cols)
    seen = [cell.text for block in found.blocks if isinstance(block, Ruled) for cell in block.cells]
    seen += [block for block in found.blocks if isinstance(block, str)]
    unseen = [texts[place] for place in (*found.in_hidden_rows, *found.in_hidden_cols, *found.under)]
    assert sorted(seen + unseen) == sorted(texts.values())


@given(PLACES, st.lists(AREAS, max_size=5))
def test_cells_of_a_block_share_no_place(texts: dict[tuple[int, int], str], merged: list[Area]) -> None:
    for block in look(texts, merged, [], []).blocks:
        if isinstance(block, Ruled):
            taken = [
                (row, col)
                for each in block.cells
                for row in range(each.row, each.row + each.rowspan)
                for col in range(each.col, each.col + each.colspan)
            ]
            assert len(taken) == len(set(taken))
            assert all(row < block.rows and col < block.cols for row, col in taken)
            assert all(each.rowspan > 0 and each.colspan > 0 for each in block.cells)
