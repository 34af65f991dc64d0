"""Results as databases and Parquet: keys, types, exact numbers, lineage; strangers' names and texts do no harm."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest
from bills import BILL, NUMBER, bill, of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import DIGEST, SCHEMAS, order, result, value

from structurer.arithmetic.checks import Quantity
from structurer.contracts.contract import load
from structurer.document import Box, Span
from structurer.errors import UsageError
from structurer.exports import duckfiles, export
from structurer.exports.export import Format
from structurer.record import Correction, Flag, Match, Record

DATABASES = [Format.SQLITE, Format.DUCKDB]


def exported(folder, form, *results, schemas=None, names=()):
    """A query on the export of these results."""
    out = folder / f"out.{form}"
    export.write(results, schemas or {"bill": BILL}, form, out, names)
    if form is Format.PARQUET:
        return lambda sql: duckdb.sql(sql.replace("FROM ", f"FROM '{out}/").replace(" -- .", ".parquet'")).fetchall()

    def query(sql):
        with closing(sqlite3.connect(out) if form is Format.SQLITE else duckdb.connect(out, read_only=True)) as database:
            return database.execute(sql).fetchall()

    return query


@pytest.mark.parametrize("form", DATABASES)
def test_every_row_names_the_row_it_belongs_to(tmp_path, form):
    query = exported(tmp_path, form, result(order(), order(1)), schemas=SCHEMAS)
    assert query("SELECT count(*) FROM order_lines_parts JOIN order_lines l USING (document, record) WHERE lines_row = l.row") == [(4,)]
    assert query("SELECT d.source, record, count(*) FROM order_lines JOIN documents d USING (document) GROUP BY 1, 2 ORDER BY 2") == [
        ("单.txt", 0, 2),
        ("单.txt", 1, 2),
    ]
    assert query("SELECT numbers FROM order_numbers") == [("松〔2023〕1号",)] * 2


def test_sqlite_finds_no_row_without_its_parent_and_nothing_damaged(tmp_path):
    query = exported(tmp_path, Format.SQLITE, result(order(), order(1)), schemas=SCHEMAS)
    assert query("PRAGMA foreign_key_check") == []
    assert query("PRAGMA integrity_check") == [("ok",)]
    assert [row[2] for row in query("PRAGMA foreign_key_list(order_lines_parts)")] == ["order_lines"] * 3


def test_duckdb_knows_the_keys(tmp_path):
    query = exported(tmp_path, Format.DUCKDB, result(), schemas=SCHEMAS)
    kinds = query("SELECT constraint_type FROM duckdb_constraints() WHERE table_name = 'order_lines_parts'")
    assert {("PRIMARY KEY",), ("FOREIGN KEY",)} <= set(kinds)


def test_duckdb_declares_no_keys_whose_indexes_would_take_too_much_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(duckfiles, "KEYED_ROWS", 12)
    query = exported(tmp_path, Format.DUCKDB, result(), schemas=SCHEMAS)
    keyed = {name for (name,) in query("SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'")}
    assert "order_lines_parts" in keyed
    assert "lineage" not in keyed
    ((told,),) = query("SELECT comment FROM duckdb_tables() WHERE table_name = 'lineage'")
    assert told.startswith("where every value comes from; the first 3 columns tell its rows apart; not declared as a key")


def test_duckdb_and_parquet_have_the_types_of_the_schema(tmp_path):
    results = [of(bill(lines=[("1.5", 2), ("-0.25", 3)], day="2023-05-06", total="1200.50", share="95", year=2023, paid="true"))]
    wanted = {"day": "DATE", "paid": "BOOLEAN", "unit": "VARCHAR", "total": "DECIMAL(18,2)", "share": "DECIMAL(18,0)", "year": "BIGINT"}
    out = tmp_path / "parquet"
    export.write(results, {"bill": BILL}, Format.PARQUET, out)
    query = exported(tmp_path, Format.DUCKDB, *results)
    for types in (query("DESCRIBE bill"), duckdb.sql(f"DESCRIBE SELECT * FROM '{out}/bill.parquet'").fetchall()):
        assert {name: kind for name, kind, *_ in types}.items() >= wanted.items()
    sums = "SELECT sum(amount), sum(count) FROM "
    assert query(sums + "bill_lines") == duckdb.sql(f"{sums} '{out}/bill_lines.parquet'").fetchall() == [(Decimal("1.25"), 5)]


def test_sqlite_adds_decimals_exactly_and_keeps_their_print_in_the_lineage(tmp_path):
    query = exported(tmp_path, Format.SQLITE, of(bill(lines=[("0.10", 1), ("0.2", 1), ("-7", 1)])))
    assert query("SELECT amount, amount_scaled FROM bill_lines") == [(0.1, 10), (0.2, 20), (-7, -700)]
    assert query("SELECT sum(amount_scaled) FROM bill_lines") == [(-670,)]
    assert query("SELECT value FROM lineage WHERE column_name = 'amount'") == [("0.10",), ("0.2",), ("-7",)]
    assert query("SELECT scale, note FROM columns WHERE column_name = 'amount_scaled'") == [(2, "exact: amount times 10 to the power of 2")]


def totals(folder, *figures):
    """A query on the SQLite export of bills of these totals."""
    return exported(folder, Format.SQLITE, of(*(bill(number, total=figure) for number, figure in enumerate(figures))))


def told_of_total(query):
    ((kind, note),) = query("SELECT type, note FROM columns WHERE table_name = 'bill' AND column_name = 'total'")
    return kind, note


def test_decimals_compare_sort_and_add_as_numbers_in_sqlite(tmp_path):
    query = totals(tmp_path, "981.51", "7072.35", "-3", None, "12000.00", "0.005")
    assert query("SELECT max(total), min(total) FROM bill") == [(12000, -3)]
    assert query("SELECT record FROM bill WHERE total > 100 ORDER BY total DESC") == [(4,), (1,), (0,)]
    assert query("SELECT record FROM bill WHERE total = 7072.35 OR total = 12000") == [(1,), (4,)]
    assert query("SELECT record FROM bill WHERE total BETWEEN '900' AND '981.51'") == [(0,)]
    assert query("SELECT record FROM bill ORDER BY total") == [(3,), (2,), (5,), (0,), (1,), (4,)]
    assert query("SELECT round(sum(total), 3), sum(total_scaled) FROM bill") == [(20050.865, 20050865)]
    assert query("SELECT DISTINCT typeof(total) FROM bill ORDER BY 1") == [("null",), ("real",)]
    assert query("SELECT record FROM evidence WHERE quantity > 100") == []
    kind, note = told_of_total(query)
    assert kind == "decimal"
    assert note.startswith("a number of at most 15 significant digits, ")
    assert note.endswith("its scaled integers are exact, the print is in lineage")


@pytest.mark.parametrize(
    "figures", [("9", "1234567890123456", "80"), ("9", "12345678901234.56", "80"), ("-9.0", "0.1234567890123456", "80")]
)
def test_a_value_of_sixteen_digits_makes_the_column_exact_text_that_is_asked_by_its_integers(tmp_path, figures):
    query = totals(tmp_path, *figures)
    assert query("SELECT total FROM bill ORDER BY record") == [(figure,) for figure in figures]
    ranked = sorted(figures, key=Decimal)
    assert query("SELECT total FROM bill ORDER BY total_scaled") == [(figure,) for figure in ranked]
    ((added, scale),) = query("SELECT sum(total_scaled), (SELECT scale FROM columns WHERE column_name = 'total_scaled') FROM bill")
    assert Decimal(added).scaleb(-scale) == sum(map(Decimal, figures))
    note = "text: its values have up to 16 significant digits, a number has 15; its scaled integers are exact, the print is in lineage"
    assert told_of_total(query) == ("text", note)


def test_zeros_around_a_number_are_no_digits_that_it_would_lose(tmp_path):
    query = totals(tmp_path, "1200.50000000000000", "00000000000000000.25", "123456789012345000")
    assert query("SELECT total FROM bill ORDER BY total") == [(0.25,), (1200.5,), (1.23456789012345e17,)]
    assert told_of_total(query)[1].endswith("no scaled integers: they would need 32 digits")
    assert query("SELECT count(*) FROM columns WHERE column_name = 'total_scaled'") == [(0,)]


def test_integers_of_mixed_magnitudes_are_exact_where_floating_point_has_not_the_digits(tmp_path):
    query = totals(tmp_path, "123456789012.345", "0.000001")
    assert query("SELECT total_scaled FROM bill ORDER BY record") == [(123456789012345000,), (1,)]
    assert query("SELECT sum(total_scaled) FROM bill") == [(123456789012345001,)]
    assert told_of_total(query)[0] == "decimal"


FIGURES = st.integers(-(10**15) + 1, 10**15 - 1).flatmap(
    lambda digits: st.integers(0, 15).map(lambda places: f"{Decimal(digits).scaleb(-places):f}")
)


@given(st.lists(FIGURES, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_of_up_to_fifteen_digits_are_what_was_printed_and_sort_so(tmp_path, figures):
    query = totals(tmp_path, *figures)
    found = query("SELECT printf('%!.15g', total), total FROM bill ORDER BY record")
    assert [Decimal(text) for text, _ in found] == [Decimal(figure) for figure in figures]
    assert [number for _, number in found] == [float(figure) for figure in figures]
    ranked = [figures[record] for (record,) in query("SELECT record FROM bill ORDER BY total")]
    assert list(map(Decimal, ranked)) == sorted(map(Decimal, figures))


@given(st.lists(st.decimals(-(10**9), 10**9, places=6).map(str), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scaled_integers_are_the_numbers_that_are_stored(tmp_path, figures):
    query = totals(tmp_path, *figures)
    assert query("SELECT total_scaled FROM bill ORDER BY record") == [(int(Decimal(figure).scaleb(6)),) for figure in figures]
    assert query("SELECT count(*) FROM bill WHERE total_scaled <> CAST(round(total * 1000000) AS INTEGER)") == [(0,)]


LONG = "12345678901234567890.12"
TOO_LONG = "1234567890123456789012345678901234567.89"


@pytest.mark.parametrize(("form", "wanted"), [(Format.DUCKDB, Decimal(LONG)), (Format.SQLITE, LONG)])
def test_a_long_decimal_keeps_every_digit(tmp_path, form, wanted):
    query = exported(tmp_path, form, of(bill(total=LONG), bill(1, total="0.5")))
    assert query("SELECT total FROM bill ORDER BY record") == [(wanted,), (Decimal("0.50") if form is Format.DUCKDB else "0.5",)]


@pytest.mark.parametrize("form", DATABASES)
def test_a_decimal_that_no_type_holds_is_text_and_that_is_said(tmp_path, form):
    query = exported(tmp_path, form, of(bill(total=TOO_LONG)))
    assert query("SELECT total FROM bill") == [(TOO_LONG,)]
    ((kind, note),) = query("SELECT type, note FROM columns WHERE table_name = 'bill' AND column_name = 'total'")
    assert (kind, note) == ("text", "text: its values need 39 digits, an exact decimal has 38")


@pytest.mark.parametrize("form", [*DATABASES, Format.PARQUET])
def test_a_long_integer_keeps_every_digit(tmp_path, form):
    big = 2**70 + 1
    query = exported(tmp_path, form, of(bill(lines=[("1", big), ("1", 2)])))
    found = query("SELECT count FROM bill_lines -- .")
    assert [str(number) for (number,) in found] == [str(big), "2"]


@pytest.mark.parametrize("form", DATABASES)
@pytest.mark.parametrize(("name", "odd"), [("day", "2023-02-30"), ("year", "next"), ("paid", "perhaps"), ("total", "1e5")])
def test_a_value_that_does_not_fit_its_type_makes_the_column_text_and_that_is_said(tmp_path, form, name, odd):
    query = exported(tmp_path, form, of(bill(**{name: odd}), bill(1, **{name: None})))
    assert query(f"SELECT {name} FROM bill ORDER BY record") == [(odd,), (None,)]
    ((note,),) = query(f"SELECT note FROM columns WHERE table_name = 'bill' AND column_name = '{name}'")
    assert note.startswith("text: 1 values are no ")
    assert note.endswith(repr(odd))


@pytest.mark.parametrize("form", DATABASES)
def test_truths_are_truths_unless_one_is_something_else(tmp_path, form):
    query = exported(tmp_path, form, of(bill(paid="true"), bill(1, paid="FALSE"), bill(2, paid=None)))
    assert query("SELECT paid FROM bill ORDER BY record") == [(True,), (False,), (None,)]
    query = exported(tmp_path, form, of(bill(paid="true"), bill(1, paid="perhaps")))
    assert query("SELECT paid FROM bill ORDER BY record") == [("true",), ("perhaps",)]


@pytest.mark.parametrize("form", DATABASES)
def test_the_evidence_of_a_value_is_one_row_with_all_that_is_known_of_it(tmp_path, form):
    spans = (Span(7, 11, 2, Box(1.0, 2.0, 3.0, 4.0), 0.5), Span(20, 24, 2, Box(0.5, 5.0, 6.0, 7.0), 0.75))
    correction = Correction("1,200.60", "1200.60", "page", "sum failed", ("1,200.70",))
    quantity = Quantity(Fraction(12005000), Fraction(1), "x")
    total = value(
        "1,200.50", value="1200.50", spans=spans, match=Match.NORMALISED, reader="eye", flag=Flag.REVIEW, doubts=("dim", "odd"),
        score=0.25, alternatives=("1,200.58", None), logprob=-0.5, agreement=(2, 3), pinned=2, correction=correction, quantity=quantity,
    )  # fmt: skip
    query = exported(tmp_path, form, of(bill(unit="万元", total=total)))
    columns = (
        "source, sha256, record, pointer, table_name, column_name, text, value, unit, quantity, page, span_start, "
        "span_end, box_x0, box_top, box_x1, box_bottom, pieces, confidence, reader, match, flag, score, reasons, alternatives, logprob, "
        "agreement, pinned, corrected_text, corrected_value, corrected_by, "
        "correction_reason, correction_alternatives, kind, record_reader, model, schema_digest, prompt_digest, structurer_version"
    )
    (found,) = query(f"SELECT {columns} FROM evidence WHERE pointer = '/total'")
    assert found == (
        "a.pdf", DIGEST, 0, "/total", "bill", "total", "1,200.50", "1200.50", "万元", 12005000, 2, 7, 24, 0.5, 2.0, 6.0, 7.0, 2,
        0.5, "eye", "normalised", "review", 0.25, "dim; odd", '["1,200.58", null]', -0.5, "2/3", 2, "1,200.60", "1200.60", "page",
        "sum failed", '["1,200.70"]', "bill", "m", "tiny", "s1", "p1", "9",
    )  # fmt: skip
    ((pieces,),) = query("SELECT spans FROM lineage WHERE pointer = '/total'")
    assert [(piece["start"], piece["end"], piece["page"]) for piece in json.loads(pieces)] == [(7, 11, 2), (20, 24, 2)]


def test_parquet_has_the_evidence_in_its_lineage(tmp_path):
    query = exported(tmp_path, Format.PARQUET, of(bill(unit="元", total="7")))
    found = query("SELECT source, sha256, pointer, unit, model FROM lineage -- . ORDER BY pointer")
    assert found == [("a.pdf", DIGEST, "/total", "元", "tiny"), ("a.pdf", DIGEST, "/unit", None, "tiny")]


@pytest.mark.parametrize("form", DATABASES)
def test_the_lineage_of_a_row_is_found_by_its_number(tmp_path, form):
    query = exported(tmp_path, form, of(bill(lines=[("1", 5), ("2", 6)], total="9")))
    joined = "SELECT row, row_pointer, l.value FROM bill_lines JOIN lineage l USING (document, record, row)"
    assert query(f"{joined} WHERE column_name = 'count' ORDER BY 1") == [(0, "/lines/0", "5"), (1, "/lines/1", "6")]
    assert query("SELECT row, row_pointer FROM lineage WHERE pointer = '/total'") == [(None, "")]


@pytest.mark.parametrize("form", DATABASES)
def test_a_record_that_is_there_twice_is_an_error_in_words(tmp_path, form):
    with pytest.raises(UsageError, match="cannot be written: "):
        exported(tmp_path, form, of(bill(), bill()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", DATABASES)
def test_units_and_places_of_columns_are_told(tmp_path, form):
    query = exported(tmp_path, form)
    told = "column_name, pointer, kind, unit, unit_table, unit_column, label"
    assert query(f"SELECT {told} FROM columns WHERE kind IN ('number', 'percent') AND type = 'decimal' ORDER BY 1") == [
        ("amount", "/lines/*/amount", "number", None, "bill", "unit", None),
        ("share", "/share", "percent", "%", None, None, None),
        ("total", "/total", "number", None, "bill", "unit", "合计"),
        ("weight", "/weight", "number", "kg", None, None, None),
    ]


def test_duckdb_and_parquet_carry_units_with_the_columns(tmp_path):
    query = exported(tmp_path, Format.DUCKDB)
    assert ("label: 合计; unit: /unit; place: /total",) in query("SELECT comment FROM duckdb_columns() WHERE table_name = 'bill'")
    export.write([], {"bill": BILL}, Format.PARQUET, tmp_path / "p")
    ((told,),) = duckdb.sql(f"SELECT value FROM parquet_kv_metadata('{tmp_path}/p/bill.parquet') WHERE key = 'columns'::BLOB").fetchall()
    assert json.loads(told)["weight"] == {"unit": "kg", "place": "/weight"}


@pytest.mark.parametrize("form", DATABASES)
def test_documents_of_one_name_and_even_of_one_content_are_kept_apart(tmp_path, form):
    other = "f" * 64
    query = exported(tmp_path, form, of(bill(total="1")), of(bill(total="2"), sha256=other), of(bill(total="3")))
    assert query("SELECT sha256, copy FROM documents ORDER BY 2, 1") == [(DIGEST, 1), (other, 1), (DIGEST, 2)]
    assert query("SELECT count(DISTINCT document) FROM bill") == [(3,)]


def test_a_document_has_the_same_key_in_every_export(tmp_path):
    first = exported(tmp_path, Format.SQLITE, of(bill()), of(bill(), sha256="f" * 64))("SELECT document FROM documents WHERE sha256 < 'f'")
    (tmp_path / "again").mkdir()
    assert exported(tmp_path / "again", Format.DUCKDB, of(bill()))("SELECT document FROM documents") == first


@pytest.mark.parametrize("form", [*DATABASES, Format.PARQUET])
def test_a_document_is_found_by_every_name_it_had(tmp_path, form):
    other, third = "f" * 64, "e" * 64
    names = [(DIGEST, "a.pdf"), (other, "甲/b.pdf"), (DIGEST, "乙/a (2).pdf"), ("d" * 64, "of no result.pdf"), (DIGEST, "a.pdf")]
    query = exported(tmp_path, form, of(bill()), of(bill(), sha256=other), of(bill(), sha256=third), names=names)
    documents = dict(query("SELECT document, sha256 FROM documents -- ."))
    found = [(documents[document], name) for document, name in query("SELECT document, name FROM names -- .")]
    assert found == [(DIGEST, "a.pdf"), (DIGEST, "乙/a (2).pdf"), (other, "甲/b.pdf")]


@pytest.mark.parametrize("form", DATABASES)
def test_a_name_is_of_a_document_that_is_there(tmp_path, form):
    query = exported(tmp_path, form, of(bill()), names=[(DIGEST, "a"), (DIGEST, "\udcff"), (DIGEST, "\\udcff"), (DIGEST, "'; --")])
    assert query("SELECT name FROM names ORDER BY name") == [("'; --",), ("\\udcff",), ("a",)]
    if form is Format.SQLITE:
        assert query("PRAGMA foreign_key_check") == []
        assert [row[2:5] for row in query("PRAGMA foreign_key_list(names)")] == [("documents", "document", "document")]
    else:
        assert query("SELECT count(*) FROM duckdb_constraints() WHERE table_name = 'names' AND constraint_type LIKE '% KEY'") == [(2,)]


@pytest.mark.parametrize("form", DATABASES)
def test_checks_review_and_text_left_over_can_be_asked_for(tmp_path, form):
    query = exported(tmp_path, form, result(), schemas=SCHEMAS)
    assert query("SELECT check_id, level, left_side, words, cells FROM checks WHERE NOT holds") == [
        ("sum", "fail", "a = 1", "adds up: 1 should be 2.", '["/money/total"]')
    ]
    assert query("SELECT pointer, table_name, column_name, flag, reasons FROM review ORDER BY 1") == [
        ("/lines", None, None, "review", "one row is missing"),
        ("/lines/0/label", "order_lines", "label", "review", "odd"),
    ]
    assert query("SELECT record, text FROM unclaimed ORDER BY number") == [(None, "前言\u2028续"), (0, "7")]
    assert query("SELECT records, to_review, failed_checks, warnings FROM documents") == [(1, 2, 1, "odd encoding")]


HOSTILE = [
    'x"; DROP TABLE records; --',
    "select",
    "records",
    "RECORDS",
    "sqlite_master",
    "a.b",
    "a b",
    "",
    "\0",
    "表",
    "Ａ",
    "a",
    "document",
    "row",
    "x" * 500,
    "'",
]


@pytest.mark.parametrize("form", [*DATABASES, Format.PARQUET, Format.XLSX, Format.CSV])
def test_names_from_a_strangers_schema_do_no_harm(tmp_path, form):
    leaves = {name: {"type": "string", "title": name} for name in HOSTILE}
    lists = {f"{name}!": {"type": "array", "items": {"type": "object", "properties": leaves}} for name in HOSTILE[:8]}
    schemas = {
        kind: load({"type": "object", "title": kind, "properties": {**leaves, **lists}}, kind=kind)
        for kind in ("lineage", "Evidence", "x'\"")
    }
    export.write([], schemas, form, tmp_path / "out")
    if form in DATABASES:
        connect = sqlite3.connect if form is Format.SQLITE else duckdb.connect
        with closing(connect(tmp_path / "out")) as database:
            wide = database.execute("SELECT table_name, column_name FROM columns WHERE pointer IS NOT NULL").fetchall()
            assert len(wide) == 3 * (len(HOSTILE) + 8 * len(HOSTILE))
            for table, column in wide:
                database.execute(f'SELECT "{column}" FROM "{table}"')


@pytest.mark.parametrize("form", DATABASES)
def test_a_schema_of_two_thousand_fields_goes_on_in_further_tables(tmp_path, form):
    names = [f"f{number}" for number in range(2000)]
    schema = load({"type": "object", "properties": dict.fromkeys(names, NUMBER)}, kind="wide")
    record = Record("wide", "a", 0, 0, 1, {f"/{name}": value("1.5") for name in names}, {})
    query = exported(tmp_path, form, of(record), schemas={"wide": schema})
    assert query("SELECT DISTINCT table_name FROM columns WHERE table_name LIKE 'wide%' ORDER BY 1") == [
        ("wide",),
        ("wide_2",),
        ("wide_3",),
    ]
    assert str(query("SELECT f1999 FROM wide JOIN wide_3 USING (document, record)")[0][0]) == "1.5"
    assert query("SELECT count(*) FROM lineage WHERE table_name = 'wide_3'") == [(200,)]


TEXTS = [
    "",
    " ",
    "a,b",
    'say "it"',
    "l1\nl2\r\nl3\rl4",
    "nul\0x",
    "\\N",
    "NULL",
    "\ufeffx",
    "😀\u2028\x85",
    "=1+1",
    "'",
    "x" * 3_000_000,
    "\ufffe\uffff",
]


@pytest.mark.parametrize("form", DATABASES)
def test_texts_come_back_as_they_were(tmp_path, form):
    records = [replace(order(number), leaves={**order().leaves, "/name": value(text)}) for number, text in enumerate(TEXTS)]
    query = exported(tmp_path, form, of(*records), schemas=SCHEMAS)
    assert [text for (text,) in query('SELECT name FROM "order" ORDER BY record')] == TEXTS


@pytest.mark.parametrize("form", [*DATABASES, Format.PARQUET, Format.XLSX])
def test_a_lone_surrogate_is_escaped_not_fatal(tmp_path, form):
    export.write([result(order(**{"/name": value("a\ud800b")}), source="\udcff.txt")], SCHEMAS, form, tmp_path / "out")
    if form in DATABASES:
        connect = sqlite3.connect if form is Format.SQLITE else duckdb.connect
        with closing(connect(tmp_path / "out")) as database:
            assert database.execute('SELECT name FROM "order"').fetchall() == [("a\\ud800b",)]


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=8), st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_column_of_numbers_keeps_its_digits(tmp_path, values):
    records = [bill(number, total=text) for number, text in enumerate(values)]
    query = exported(tmp_path, Format.DUCKDB, of(*records))
    for (found,), text in zip(query("SELECT total FROM bill ORDER BY record"), values, strict=True):
        wanted = None if text is None else text.encode(errors="backslashreplace").decode()
        assert found == wanted or (found is not None and isinstance(found, Decimal) and found == Decimal(wanted))


def test_duckdb_reaches_no_network_and_no_other_file(tmp_path):
    from structurer.exports.duckfiles import _connected

    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    (tmp_path / "room").mkdir()
    with _connected(tmp_path / "room" / "db") as database:
        for sql in (f"SELECT * FROM '{secret}'", "INSTALL httpfs", "LOAD httpfs", "SELECT * FROM 'https://example.invalid/a.csv'"):
            with pytest.raises(duckdb.PermissionException):
                database.execute(sql)
        with pytest.raises(duckdb.InvalidInputException):
            database.execute("SET enable_external_access = true")


@pytest.mark.parametrize("form", DATABASES)
def test_no_documents_are_empty_tables(tmp_path, form):
    query = exported(tmp_path, form)
    assert query("SELECT count(*) FROM evidence") == [(0,)]
    assert query("SELECT count(*) FROM bill_lines") == [(0,)]
