"""Records leave as JSON Lines, one JSON array, or tables; a file or folder is whole or not there. CSV in detail."""

import csv
import io
import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import DIGEST, SCHEMAS, order, result, value

from structurer.arithmetic.checks import Level
from structurer.contracts.contract import load
from structurer.document import Span
from structurer.errors import InputError, UsageError
from structurer.exports import export
from structurer.exports.csvfiles import cell
from structurer.exports.export import Format
from structurer.exports.tables import every_table, tables_of
from structurer.record import Correction, Verdict

RECORD = {
    "name": "课桌",
    "count": 3,
    "money": {"total": "1200.50", "unit": None},
    "lines": [{"label": "=1+1", "parts": [{"amount": "-5"}, {"amount": "-5+"}]}, {"label": "@a", "parts": []}],
    "numbers": ["松〔2023〕1号"],
}
CHECK = {
    "id": "sum",
    "pointer": "",
    "level": "fail",
    "left": "a = 1",
    "right": "b = 2",
    "allowed": "0.5 .. 2",
    "words": "adds up: 1 should be 2.",
    "holds": False,
    "requires": "print",
    "verdict": None,
    "evidence": "",
}


def rows(file):
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_a_record_is_one_json_line_of_the_exchange_format(tmp_path):
    export.write([result()], SCHEMAS, Format.RECORDS, tmp_path / "out.jsonl")
    (line,) = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "source": "单.txt",
        "index": 0,
        "kind": "order",
        "record": RECORD,
        "review": ["/lines", "/lines/0/label"],
        "checks": [CHECK],
        "blame": [],
        "localised": "",
        "corrections": [],
        "pinned": {},
        "provenance": {"reader": "builtin", "usage": {"tokens": None}},
    }
    assert "课桌" in line


def test_what_was_found_out_about_a_record_is_told_as_it_was_read_and_as_it_was_mended():
    was = order().checks[0]
    failed = replace(was, verdict=Verdict.READING, evidence="the page prints another figure there")
    mended = replace(was, outcome=replace(was.outcome, level=Level.EXACT, words="1 is 1."), holds=True)
    correction = Correction("1,200.60", "1200.60", "page", "sum failed", ("1,200.70",))
    total = value("1,200.50", value="1200.50", spans=(Span(7, 11, 1), Span(20, 24, 2)), correction=correction, pinned=2)
    record = replace(
        order(**{"/money/total": total, "/count": value("3", value=3, pinned=1)}),
        checks=(mended,), mended=(failed,), blame=(("/money/total",), ("/lines/-", "/count")), localised="found",
    )  # fmt: skip
    found = export.exchange(record, SCHEMAS["order"])
    assert found["checks"] == [CHECK | {"verdict": "reading", "evidence": "the page prints another figure there", "mended": True}]
    assert (found["blame"], found["localised"]) == ([["/money/total"], ["/lines/-", "/count"]], "found")
    assert found["corrections"] == [
        {
            "pointer": "/money/total", "from": "1200.60", "to": "1200.50", "by": "page", "reason": "sum failed",
            "alternatives": ["1,200.70"], "spans": [[7, 11, 1], [20, 24, 2]],
        }
    ]  # fmt: skip
    assert found["pinned"] == {"/count": 1, "/money/total": 2}


def test_a_correction_of_what_could_not_be_parsed_tells_its_text():
    corrected = value("7", value="7", correction=Correction("2.3O", None, "second reading", "why"))
    (told,) = export.exchange(order(**{"/money/total": corrected}), SCHEMAS["order"])["corrections"]
    assert (told["from"], told["to"], told["by"]) == ("2.3O", "7", "second reading")


def test_values_with_every_line_separator_stay_on_one_line(tmp_path):
    odd = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\nh\rk"
    export.write([result(order(**{"/name": value(odd)}))], SCHEMAS, Format.RECORDS, tmp_path / "out.jsonl")
    (line,) = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["record"]["name"] == odd


def test_the_json_export_holds_evidence_and_what_became_no_value(tmp_path):
    export.write([result(), result(source="b.txt")], SCHEMAS, Format.JSON, tmp_path / "out.json")
    first, second = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (first["source"], first["sha256"], first["warnings"], second["source"]) == ("单.txt", DIGEST, ["odd encoding"], "b.txt")
    assert first["unplaced"] == [{"text": "前言\u2028续", "start": 100, "end": 105, "page": None}]
    record = first["records"][0]
    assert record["record"] == RECORD
    assert record["unclaimed"] == [{"text": "7", "start": 5, "end": 6, "page": 1}]
    assert record["complete"] == ["/numbers"]
    assert record["evidence"]["/name"] == {
        "text": "课桌", "value": "课桌", "spans": [{"start": 0, "end": 2, "page": 1}], "match": "exact",
        "reader": "builtin", "score": 1.0, "flag": "accept",
    }  # fmt: skip


def test_no_documents_are_an_empty_array_and_an_empty_file(tmp_path):
    export.write([], SCHEMAS, Format.JSON, tmp_path / "out.json")
    export.write([], SCHEMAS, Format.RECORDS, tmp_path / "out.jsonl")
    assert (tmp_path / "out.json").read_text() == "[]\n"
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_csv_has_a_file_a_kind_a_file_a_list_and_a_file_for_all_that_is_known_of_them(tmp_path):
    export.write([result(order(), order(1))], SCHEMAS, Format.CSV, tmp_path / "tables")
    found = {file.name.removesuffix(".csv"): rows(file) for file in (tmp_path / "tables").iterdir()}
    known = {"documents", "names", "records", "lineage", "review", "checks", "unclaimed", "columns"}
    assert found.keys() == known | {"order", "order.lines", "order.lines.parts", "order.numbers"}
    key = found["documents"][1][0]
    assert found["order"][:2] == [
        ["source", "document", "record", "name", "count", "money.total", "money.unit"],
        ["单.txt", key, "0", "课桌", "3", "1200.50", ""],
    ]
    assert found["order.lines"][:3] == [
        ["source", "document", "record", "row", "label"],
        ["单.txt", key, "0", "0", "'=1+1"],
        ["单.txt", key, "0", "1", "'@a"],
    ]
    assert found["order.lines.parts"] == [
        ["source", "document", "record", "lines.row", "row", "amount"],
        ["单.txt", key, "0", "0", "0", "-5"],
        ["单.txt", key, "0", "0", "1", "'-5+"],
        ["单.txt", key, "1", "0", "0", "-5"],
        ["单.txt", key, "1", "0", "1", "'-5+"],
    ]
    assert found["order.numbers"][1] == ["单.txt", key, "0", "0", "松〔2023〕1号"]
    assert found["review"][:3] == [
        ["source", "document", "record", "pointer", "table_name", "column_name", "kind", "value", "text", "page", "flag", "reasons"],
        ["单.txt", key, "0", "/lines", "", "", "order", "", "", "", "review", "one row is missing"],
        ["单.txt", key, "0", "/lines/0/label", "order.lines", "label", "order", "'=1+1", "'=1+1", "", "review", "odd"],
    ]


NAMES = [(DIGEST, "单.txt"), ("f" * 64, "不在.txt"), (DIGEST, "=1+1.txt"), (DIGEST, "单.txt")]


def test_csv_tells_all_names_under_which_a_document_was_found_and_no_spreadsheet_runs_one(tmp_path):
    export.write([result()], SCHEMAS, Format.CSV, tmp_path / "tables", names=NAMES)
    key = rows(tmp_path / "tables" / "documents.csv")[1][0]
    assert rows(tmp_path / "tables" / "names.csv") == [
        ["source", "document", "name"],
        ["单.txt", key, "单.txt"],
        ["单.txt", key, "'=1+1.txt"],
    ]


def test_the_json_export_tells_all_names_of_a_document_and_of_no_other(tmp_path):
    other = result(source="b.txt", sha256="e" * 64)
    export.write([result(), other], SCHEMAS, Format.JSON, tmp_path / "out.json", names=iter(NAMES))
    first, second = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (first["names"], second["names"]) == (["单.txt", "=1+1.txt"], [])


def test_a_record_in_the_exchange_format_is_the_same_whatever_its_document_is_called(tmp_path):
    for name, names in (("a", NAMES), ("b", [])):
        export.write([result()], SCHEMAS, Format.RECORDS, tmp_path / name, names=names)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_names_from_a_schema_cannot_leave_the_folder_or_hide_a_file(tmp_path):
    fields = {"type": "object", "properties": {"source": {"type": "string"}, "=x": {"type": "string"}}}
    schemas = {kind: load(fields, kind=kind) for kind in ("../../up", "review", "Review")}
    export.write([], schemas, Format.CSV, tmp_path / "tables")
    names = {file.name for file in (tmp_path / "tables").iterdir()}
    assert names >= {"Review_3.csv", "__.._up.csv", "review_2.csv", "review.csv"}
    assert all((tmp_path / "tables" / name).is_file() for name in names)
    assert rows(tmp_path / "tables" / "review_2.csv") == [["source", "document", "record", "source_2", "'=x"]]
    assert [one.name for one in tmp_path.iterdir()] == ["tables"]


@pytest.mark.parametrize("text", ["=1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-", "+", "-cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_run_is_kept_from_it(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+3.20", "-1,200.50", "-12%", "课桌", "1-1", "", "'x"])
def test_plain_numbers_and_texts_stay_as_they_are(text):
    assert cell(text) == text


@given(st.text())
def test_no_cell_starts_a_formula(text):
    assert cell(text)[:1] not in {"=", "@", "\t", "\r"}


@pytest.mark.parametrize("form", [Format.CSV, Format.PARQUET])
def test_a_format_of_several_files_needs_a_new_folder(tmp_path, form):
    with pytest.raises(UsageError, match="is a folder of files"):
        export.write([], SCHEMAS, form, None)
    with pytest.raises(UsageError, match="this exists already"):
        export.write([], SCHEMAS, form, tmp_path)


@pytest.mark.parametrize("form", [Format.XLSX, Format.DUCKDB, Format.SQLITE])
def test_a_format_of_one_file_needs_a_name_and_takes_the_place_of_a_file_but_of_no_folder(tmp_path, form):
    with pytest.raises(UsageError, match="is a file of its own kind"):
        export.write([], SCHEMAS, form, None)
    with pytest.raises(UsageError, match="this exists already"):
        export.write([], SCHEMAS, form, tmp_path)
    out = tmp_path / "out"
    out.write_text("another file")
    export.write([result()], SCHEMAS, form, out)
    assert out.read_bytes()[:2] != b"an"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("form", list(Format))
def test_a_failing_export_leaves_nothing_behind(tmp_path, form):
    def broken():
        yield result()
        raise InputError("damaged")

    with pytest.raises(InputError, match="damaged"):
        export.write(broken(), SCHEMAS, form, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("form", "package"), [(Format.XLSX, "xlsxwriter"), (Format.DUCKDB, "duckdb"), (Format.PARQUET, "duckdb")])
def test_a_format_whose_package_is_missing_says_what_to_install(tmp_path, monkeypatch, form, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=r"pip install 'structurer\[tables\]'"):
        export.write([result()], SCHEMAS, form, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_out_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError) as caught:
        export.write([], SCHEMAS, Format.JSON, tmp_path / "no" / "such.json")
    assert str(caught.value) == f"{tmp_path}/no/such.json: cannot be written: No such file or directory\n  next: choose another --out"


def test_a_kind_without_its_schema_is_named(tmp_path):
    with pytest.raises(InputError, match="no schema of kind 'order'"):
        list(export.record_lines([result()], {}))
    with pytest.raises(InputError, match="no schema of kind 'order'"):
        export.write([result()], {}, Format.SQLITE, tmp_path / "out")


def test_formats_are_known_by_name():
    assert export.format_named("csv") is Format.CSV
    with pytest.raises(UsageError, match="no format 'xml'"):
        export.format_named("xml")


def test_standard_output_is_utf_8_whatever_the_locale(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    export.write([result()], SCHEMAS, Format.RECORDS, None)
    assert "课桌" in raw.getvalue().decode("utf-8")


def test_every_leaf_of_a_schema_is_in_one_table():
    tables = tables_of(SCHEMAS["order"])
    assert sum(len(table.names) for table in tables) == len(list(SCHEMAS["order"].leaves()))


def test_a_list_of_nothing_but_lists_is_a_table_where_its_rows_are_needed_as_keys():
    row = {"type": "object", "properties": {"inner": {"type": "array", "items": {"type": "string"}}}}
    schema = load({"type": "object", "properties": {"outer": {"type": "array", "items": row}}}, kind="k")
    assert [table.name for table in tables_of(schema)] == ["k", "k.outer.inner"]
    assert [table.name for table in every_table(schema)] == ["k", "k.outer", "k.outer.inner"]
