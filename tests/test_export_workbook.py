"""Results as an Excel workbook, read back: typed cells, what is flagged, links, and Excel's limits, beyond which nothing is lost."""

import datetime
import re
import zipfile
from dataclasses import replace

import openpyxl
import pytest
from bills import BILL, bill, of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import DIGEST, SCHEMAS, order, result, value

from structurer.contracts.contract import load
from structurer.exports import export, worksheets
from structurer.exports.export import Format
from structurer.exports.worksheets import number_of
from structurer.record import Flag, Review


def workbook(folder, *results, schemas=None, names=()):
    out = folder / "out.xlsx"
    export.write(results, schemas or {"bill": BILL}, Format.XLSX, out, names)
    return openpyxl.load_workbook(out)


def column(sheet, name):
    """The cells below a heading whose first line is this name."""
    (found,) = (cells for cells in sheet.iter_cols() if str(cells[0].value).split("\n")[0] == name)
    return found[1:]


def unescape(text):
    """A text as Excel reads it (ECMA-376, ST_Xstring); openpyxl leaves texts within a sheet as they stand."""
    return re.sub("_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)


def values(sheet, name):
    return [cell.value for cell in column(sheet, name)]


def test_a_sheet_a_kind_and_a_list_and_sheets_for_what_is_known_of_them(tmp_path):
    book = workbook(tmp_path, result(), schemas=SCHEMAS)
    own = ["about", "documents", "records", "review", "checks"]
    assert book.sheetnames == [
        *own,
        "order",
        "order.lines",
        "order.lines.parts",
        "order.numbers",
        "unclaimed",
        "names",
        "lineage",
        "columns",
    ]
    assert [(sheet.freeze_panes, sheet.auto_filter.ref) for sheet in book][6] == ("B2", "A1:E3")
    assert list(book["order.lines.parts"].iter_rows(min_row=2, max_col=1, values_only=True)) == [("单.txt",)] * 2
    assert values(book["lineage"], "pointer")[:2] == ["/name", "/count"]


def test_all_names_of_a_document_are_told_as_texts(tmp_path):
    book = workbook(tmp_path, result(), schemas=SCHEMAS, names=[(DIGEST, "=1+1"), (DIGEST, "http://a.invalid/b"), (DIGEST, "7")])
    (document,) = values(book["documents"], "document")
    assert list(book["names"].iter_rows(min_row=2, values_only=True)) == [
        ("单.txt", document, name) for name in ("=1+1", "http://a.invalid/b", "7")
    ]
    assert {(cell.data_type, cell.hyperlink) for cell in column(book["names"], "name")} == {("s", None)}


def test_numbers_are_numbers_with_the_digits_of_the_print_and_dates_are_dates(tmp_path):
    sheet = workbook(tmp_path, of(bill(day="2023-05-06", paid="true", total="1200.50", share="95.0", weight="-3", year=2023)))["bill"]
    (total,), (share,), (weight,), (day,), (paid,), (year,) = (
        column(sheet, name) for name in ("total", "share", "weight", "day", "paid", "year")
    )
    assert [(cell.value, cell.data_type, cell.number_format) for cell in (total, share, weight, year)] == [
        (1200.5, "n", "0.00"), (95, "n", "0.0"), (-3, "n", "0"), (2023, "n", "0"),
    ]  # fmt: skip
    assert (day.value, day.number_format) == (datetime.datetime(2023, 5, 6), "yyyy-mm-dd")
    assert paid.value is True


def test_headings_tell_label_and_unit(tmp_path):
    found = [cell.value for cell in workbook(tmp_path)["bill"][1]]
    assert found[-5:] == ["unit", "total\n合计 (unit: unit)", "weight\n(kg)", "share\n(%)", "year"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.1", (0.1, "0.0")), ("-12", (-12.0, "0")), ("123456789012345", (123456789012345.0, "0")), ("0", (0.0, "0")),
     ("0.00", (0.0, "0.00")), ("1234567890123456", None), ("0.1234567890123456", None), ("007", None), ("-0", None),
     ("-0.00", None), ("1e5", None),
     ("٣", None), (".5", None), (True, None)],
)  # fmt: skip
def test_a_number_is_one_only_where_excel_keeps_each_of_its_digits(text, number):
    assert number_of(text) == number


def test_what_excel_cannot_hold_as_number_or_date_is_text(tmp_path):
    sheet = workbook(tmp_path, of(bill(total="12345678901234567.89", day="1899-12-31"), bill(1, total="n/a", day="1900-02-28")))["bill"]
    assert values(sheet, "total") == ["12345678901234567.89", "n/a"]
    assert values(sheet, "day") == ["1899-12-31", "1900-02-28"]


def test_flagged_cells_are_coloured_and_say_why_and_the_review_links_to_them(tmp_path):
    record = order(
        **{
            "/name": value("x", flag=Flag.REJECT, doubts=("not on the page",)),
            "/money/unit": value(None, flag=Flag.REVIEW, doubts=("blank", "odd")),
        }
    )
    record = replace(
        record,
        review=(Review("/lines/1", Flag.REVIEW, ("lost",)), Review("/lines", Flag.REVIEW, ("short",)), Review("", Flag.REVIEW, ("all",))),
    )
    book = workbook(tmp_path, result(record), schemas=SCHEMAS)
    (name,), (unit,) = column(book["order"], "name"), column(book["order"], "money.unit")
    assert (name.fill.fgColor.rgb, name.comment.text) == ("FFF4B6B0", "not on the page")
    assert (unit.fill.fgColor.rgb, unit.comment.text, unit.value) == ("FFFFE699", "blank; odd", None)
    assert book["order.lines"]["A3"].comment.text == "lost"
    assert book["order"]["A2"].comment.text == "all"
    assert book["order.lines"]["A2"].comment is None
    links = {
        pointer.value: cell.hyperlink.location
        for pointer, cell in zip(column(book["review"], "pointer"), column(book["review"], "cell"), strict=True)
    }
    assert links == {
        "/lines/1": "'order.lines'!A3", "/lines": "'order.lines'!A2", "": "'order'!A2", "/name": f"'order'!{name.coordinate}",
        "/money/unit": f"'order'!{unit.coordinate}", "/lines/0/label": "'order.lines'!E2",
    }  # fmt: skip


def test_a_failing_check_is_coloured(tmp_path):
    sheet = workbook(tmp_path, result(), schemas=SCHEMAS)["checks"]
    assert [cell.fill.fgColor.rgb for cell in column(sheet, "holds")] == ["FFF4B6B0"]
    assert values(sheet, "words") == ["adds up: 1 should be 2."]


EVIL = [
    "=1+1", "+1", "-1+1", "@SUM(A1)", "http://example.invalid", "=HYPERLINK(\"http://example.invalid\")", "{=1}", "<r><t>x</t></r>",
    '<r></t></is></c><c r="Z9"><f>1+1</f></c><c t="inlineStr"><is><t></r>', "_x0041_", "\x00\x07\r\n\t", " lead and trail ",
    "\ufffe", "12", "TRUE", "2023-01-01", "]]>&amp;",
]  # fmt: skip


def test_texts_stay_texts_whatever_they_say(tmp_path):
    book = workbook(tmp_path, of(*(order(number, **{"/name": value(text)}) for number, text in enumerate(EVIL))), schemas=SCHEMAS)
    found = column(book["order"], "name")
    assert [unescape(cell.value) for cell in found] == EVIL
    assert {cell.data_type for cell in found} == {"s"}
    with zipfile.ZipFile(tmp_path / "out.xlsx") as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any(b"<f>" in raw or b"<f " in raw for raw in sheets)
        assert not any(
            b"http" in parts.read(name)
            for name in parts.namelist()
            if "sheet" in name and name.endswith(".rels") and b"External" in parts.read(name)
        )


@given(st.text(max_size=20))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_comes_back(tmp_path, text):
    record = replace(order(**{"/name": value(text, flag=Flag.REVIEW, doubts=(text,))}), review=())
    (found,) = values(workbook(tmp_path, result(record), schemas=SCHEMAS)["order"], "name")
    assert unescape(found or "") == text.encode(errors="backslashreplace").decode()


def test_a_text_longer_than_a_cell_goes_on_in_a_sheet_of_its_own(tmp_path):
    text = "".join(chr(0x4E00 + number % 5000) for number in range(70_000))
    book = workbook(tmp_path, result(order(**{"/name": value(text)})), schemas=SCHEMAS)
    (cell,) = values(book["order"], "name")
    assert cell.startswith(text[:16_000])
    assert cell.endswith("… [whole in 'long texts'!C2, in 5 pieces]")
    rows = list(book["long texts"].iter_rows(min_row=2, values_only=True))
    of_cell = [(piece, part) for where, piece, part in rows if where == "'order'!D2"]
    assert "".join(part for _, part in of_cell) == text
    assert [piece for piece, _ in of_cell] == [f"{number} of 5" for number in range(1, 6)]
    assert "long texts" in values(book["about"], "sheet")


def test_a_heading_longer_than_a_cell_goes_on_too(tmp_path):
    schema = load({"type": "object", "properties": {"a": {"type": "string", "title": "长" * 40_000}}}, kind="k")
    book = workbook(tmp_path, schemas={"k": schema})
    pieces = [part for where, _, part in book["long texts"].iter_rows(min_row=2, values_only=True) if where == "'k'!D1"]
    assert "".join(pieces) == "a\n" + "长" * 40_000


def test_characters_of_two_units_count_twice(tmp_path):
    text = "😀" * 16_384  # 32,768 units
    book = workbook(tmp_path, result(order(**{"/name": value(text)})), schemas=SCHEMAS)
    assert "".join(part for where, _, part in book["long texts"].iter_rows(min_row=2, values_only=True) if where == "'order'!D2") == text


def test_rows_beyond_a_sheet_go_on_in_a_further_one(tmp_path, monkeypatch):
    monkeypatch.setattr(worksheets, "ROWS", 3)
    book = workbook(tmp_path, of(bill(lines=[(str(number), number) for number in range(5)])))
    sheets = [book[name] for name in ("bill.lines", "bill.lines (2)", "bill.lines (3)")]
    assert [values(sheet, "amount") for sheet in sheets] == [[0, 1], [2, 3], [4]]
    assert {sheet.freeze_panes for sheet in sheets} == {"B2"}
    lines = [line for name in book.sheetnames if name.startswith("about") for line in book[name].iter_rows(values_only=True)]
    (told,) = (about for sheet, _, about in lines if sheet == "bill.lines, bill.lines (2), bill.lines (3)")
    assert told == "账单: rows of lines (5 rows, on 3 sheets)"


def flagged(count):
    return of(*(bill(number, total=value(str(number), flag=Flag.REVIEW, doubts=("odd",))) for number in range(count)))


def test_links_beyond_those_of_a_sheet_go_on_in_a_further_one(tmp_path, monkeypatch):
    monkeypatch.setattr(worksheets, "LINKS", 2)
    book = workbook(tmp_path, flagged(3))
    found = [cell.hyperlink.location for name in ("review", "review (2)") for cell in column(book[name], "cell")]
    assert found == ["'bill'!G2", "'bill'!G3", "'bill'!G4"]


def test_what_has_no_note_or_link_is_said_and_stays_in_the_review(tmp_path, monkeypatch):
    monkeypatch.setattr(worksheets, "NOTES", 1)
    monkeypatch.setattr(worksheets, "ALL_LINKS", 2)
    book = workbook(tmp_path, flagged(4))
    assert [cell.comment is not None for cell in column(book["bill"], "total")] == [True, False, False, False]
    assert [cell.fill.fgColor.rgb for cell in column(book["bill"], "total")] == ["FFFFE699"] * 4
    assert [(cell.value, cell.hyperlink is not None) for cell in column(book["review"], "cell")] == [
        (f"'bill'!G{row}", row < 4) for row in range(2, 6)
    ]
    assert values(book["review"], "reasons") == ["odd"] * 4
    told = {sheet: about for sheet, _, about in book["about"].iter_rows(values_only=True)}
    assert told["notes"].startswith("3 flagged cells beyond the first ")
    assert told["links"].startswith("2 places beyond the first ")


def test_a_long_note_refers_to_the_review(tmp_path):
    reasons = tuple(f"reason {number}" for number in range(500))
    book = workbook(tmp_path, of(bill(total=value("1", flag=Flag.REVIEW, doubts=reasons))))
    (cell,) = column(book["bill"], "total")
    assert cell.comment.text.endswith("… [all of it in the sheet review]")
    assert values(book["review"], "reasons") == ["; ".join(reasons)]


def test_names_of_sheets_are_short_told_apart_and_explained(tmp_path):
    names = [*("k" * 40 + tail for tail in "ab"), "History", "a/b[c]:*?'", "REVIEW", "表" * 40]
    book = workbook(tmp_path, schemas={name: load(BILL.source, kind=name) for name in names})
    assert all(len(name) <= 31 for name in book.sheetnames)
    assert len({name.casefold() for name in book.sheetnames}) == len(book.sheetnames)
    assert not any(set(name) & set("[]:*?/\\'") for name in book.sheetnames)
    tables = {table: sheet for sheet, table, _ in book["about"].iter_rows(min_row=2, values_only=True)}
    assert tables["k" * 40 + "a.lines"] == "k" * 15 + "…" + "k" * 8 + "a.lines"
