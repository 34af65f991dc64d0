"""The report of a run as a page: what it says, that nothing of strangers acts in it, and that who sees no colours misses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import postgres_server
import pytest

from structurer.contracts.contract import load
from structurer.endpoints.book import Book, Spent
from structurer.errors import InputError, UsageError
from structurer.judging.across import Across, Failed, Unpaired
from structurer.judging.convention import Convention, Outlier
from structurer.record import Verdict
from structurer.runreport import figures as runfigures
from structurer.runreport import page as runreport
from structurer.runreport.charts import number, percent, short
from structurer.runreport.figures import unnumbered, wording
from structurer.runreport.pieces import lasting, money, those
from structurer.store import runfolder
from structurer.store import storeview as store_
from structurer.store.finishing import SCORE_BINS
from structurer.store.runs import Asked, Flagged, LeftAside, Located, Outcome, Progress, State
from structurer.store.store import Store

BILL = load(
    {
        "type": "object",
        "title": "账单 <bill>",
        "properties": {
            "sum": {"type": "number", "x-labels": ["合计"]},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "number"}}}},
        },
        "x-checks": [{"id": "adds-up", "check": "sum == sum(lines[*].amount)", "says": "the sum is that of its lines"}],
    },
    kind="bill",
)
ASKED = Asked("structurer 0", ("structure", "my reports", "--out", "run"), "built-in reader", (BILL,))
STARTED, ENDED = "2026-01-02T03:00:00+00:00", "2026-01-02T03:02:00+00:00"
EVIL = "<script>alert(1)</script>\"'&\u202e"
SCORES = (*(0,) * (SCORE_BINS - 1), 40)
REASONS = ("adds-up: sum = 3 should be equal to 1 + 1 = 2", "it would hold if this were 2; the page prints 2")
FLAG = Flagged(0, "bill", "/lines/0/amount", REASONS)


class Seen(HTMLParser):
    """A page as a parser sees it: the text, the elements with their attributes, and that all of them are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(text)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    def section(self, name: str) -> str:
        """The text of a section from its title on, to the title of the next."""
        return self.text.partition(name + " ")[2] or self.text.partition(name)[2]


Make = Callable[..., Seen]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@contextmanager
def begun(folder: Path, asked: Asked = ASKED, address: str = "") -> Iterator[Store]:
    store = runfolder.create(folder, asked, address)
    try:
        yield store
    finally:
        store.close()


def finish(store: Store, outcomes: Mapping[str, Outcome]) -> None:
    """Add documents and write down what became of each, by its name."""
    worker = store.enrol("worker")
    store.add([Located(name, name, f"/{name}", f"{at:064x}") for at, name in enumerate(outcomes)])
    for lease in store.lease(worker, len(outcomes)):
        store.finish(worker, lease.document, outcomes[lease.source])


def end(store: Store, **more: Any) -> None:
    manifest = runfolder.manifest_of(store)
    store.write_manifest(replace(manifest, **{"state": Progress.FINISHED, "started": STARTED, "finished": ENDED, **more}))


def reported(folder: Path) -> Seen:
    out = folder.parent / "report.html"
    runreport.write(folder, "", out)
    return Seen(out.read_text("utf-8"))


def good(**more: Any) -> Outcome:
    """`failing`, `scores` and what else reports add up go into its figures."""
    figures = {"failing": {}, "verdicts": {}, "scores": SCORES, "doubted": [0] * SCORE_BINS}
    figures |= {name: more.pop(name) for name in list(more) if name in figures}
    return Outcome(State.DONE, **{"records": 1, "held": 2, "seconds": 0.5, "figures": figures, **more})


def doubtful(*flags: Flagged, **more: Any) -> Outcome:
    found = {"flagged": flags or (FLAG,), "failed": 1, "failing": {"bill: adds-up": 1}, **more}
    return replace(good(**found), state=State.NEEDS_REVIEW)


def spent(model: str, calls: Spent) -> dict[str, Any]:
    return Book({model: calls}).as_dict()


# -- what it says


def test_a_run_is_told_in_sentences(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good(), "b.txt": doubtful(), "c.pdf": Outcome(State.UNREADABLE, "the file is damaged", seconds=3.0)})
        end(store)
    text = reported(folder).text
    for sentence in (
        "1 of 2 documents needs a look; 1 file could not be done",
        "1 place is flagged and 1 of 5 checks fails.",
        "This run finished after 2 min 00 s (built-in reader).",
        "structurer structure 'my reports' --out run",
        "2 of 3 documents or files gave a result; 1 could not be done.",
        "No model was asked, so it cost nothing.",
        "1 place is flagged, against 80 values read (1.2 %), most often because the check adds-up fails.",
        "1 check of 5 fails (20 %), most often adds-up of bill.",
        "bill · the sum is that of its lines",
        "sum == sum(lines[*].amount)",
        "All 80 values score 0.95 or more.",
        "The slowest of 3 documents took 3 s; 1.5 documents a minute over the whole run.",
    ):
        assert sentence in text.replace("\u202f", " ")


def test_a_run_without_documents_says_so_in_each_section(folder: Path) -> None:
    with begun(folder):
        pass
    seen = reported(folder)
    for sentence in (
        "Nothing has come of this run yet",
        "This run is not finished (built-in reader).",
        "No document has been found.",
        "No model was asked, so it cost nothing.",
        "No document has a result yet.",
        "No check was applicable.",
        "No value has been read.",
        "This is known when the run has ended.",
        "No document has come to its end.",
    ):
        assert sentence in seen.text
    assert [tag for tag, _ in seen.elements if tag in ("figure", "table")] == []


def test_a_run_in_which_all_is_well_lists_nothing(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good()})
        end(store)
    text = reported(folder).text
    assert "The only document is done" in text
    for sentence in ("No place is flagged.", "All 2 checks held.", "The only document or file gave a result."):
        assert sentence in text


def test_documents_that_could_not_be_done_are_grouped_by_reason_and_named(folder: Path) -> None:
    broken = {f"{at}.pdf": Outcome(State.UNREADABLE, f"page {at} of 9 is damaged") for at in range(8)}
    with begun(folder) as store:
        finish(store, {**broken, "long.txt": Outcome(State.REFUSED, "it is longer than 32000 tokens")})
        store.set_aside([LeftAside("x.zip!a.gif", State.SKIPPED, "not of a kind that can be read")])
        end(store)
    text = reported(folder).text
    assert "unreadable" + "page # of # is damaged" + "0.pdf, 1.pdf, 2.pdf, 3.pdf, 4.pdf and 3 more" + "8" in text
    assert "refused" + "it is longer than 32000 tokens" + "long.txt" + "1" in text  # of a single one nothing is left out
    assert "skipped" + "not of a kind that can be read" + "x.zip!a.gif" + "1" in text
    assert "None of 9 files could be done" in text


def test_documents_without_any_form_are_named(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"letter.txt": Outcome(State.NEEDS_REVIEW, "no form was found in it")})
    assert "needs reviewno form was found in itletter.txt1" in reported(folder).text


def test_more_reasons_than_are_listed_are_counted(folder: Path) -> None:
    words = "abcdefghijklm"
    with begun(folder) as store:
        finish(store, {f"{letter}.txt": Outcome(State.FAILED, f"reason {letter}") for letter in words})
    assert "3 more for other reasons" in reported(folder).text


def test_places_are_counted_by_wording_and_by_field_with_an_example(folder: Path) -> None:
    flags = [replace(FLAG, pointer=f"/lines/{at}/amount", reasons=(f"'{at}' is no number",)) for at in range(3)]
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful(*flags), "b.txt": doubtful(replace(FLAG, pointer="", reasons=("many rows are doubtful",)))})
        end(store)
    text = reported(folder).text
    assert "… is no numberfor example a.txt/0 /lines/0/amount'0' is no number3" in text
    assert "many rows are doubtfulfor example b.txt/0 the whole record1" in text
    assert "lines › amountbill3" in text
    assert "the whole recordbill1" in text
    assert "a.txt3b.txt1" in text  # the documents with most of them


def test_a_field_is_named_as_the_form_prints_it(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful(replace(FLAG, pointer="/sum"))})
    assert "sumbill · 合计1" in reported(folder).text


def test_only_documents_that_hold_a_result_count(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful(), "b.txt": doubtful()})
        store.retry([State.NEEDS_REVIEW])
        worker = store.enrol("again")
        (lease,) = store.lease(worker, 1)
        store.finish(worker, lease.document, good(seconds=1.0))
        assert list(store.flagged()) == []
        assert list(store.took()) == [("a.txt", 1.0)]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("fewer figures are printed than the row has columns", "fewer figures are printed than the row has columns"),
        ("the row's lines fit its columns badly", "the row's lines fit its columns badly"),
        ("'1,2' is no number", "… is no number"),
        ('"it\'s" is no date', "… is no date"),
        ("3 prints among the rows in no row: '1', '2', '3'", "# prints among the rows in no row: …"),
        ("it would hold if this were between 1.5 and 2.50万元; nothing else explains it", "it would hold if this were between # and #万元"),
        ("it would hold if this were 6 and /a/2/b, /c and /d/1 changed too", "it would hold if this were # and … changed too"),
        ("adds-up: sum = 3 should be 2", "the check adds-up fails"),
        ("adds-up of a related record: sum = 3 should be 2", "the check adds-up fails"),
        ("unknown: sum = -3 should be 2", "unknown: sum = # should be #"),
        ("level2 reads 30%", "level2 reads #%"),
    ],
)
def test_a_wording_leaves_out_what_differs_from_place_to_place(reason: str, words: str) -> None:
    assert wording(reason, frozenset({"adds-up"})) == words


def test_of_the_reason_of_a_state_all_words_are_kept() -> None:
    assert unnumbered("page 3 is damaged; 2 others") == "page # is damaged; # others"


def test_wordings_beyond_the_most_are_counted_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runfigures, "MOST_WORDINGS", 2)
    flags = [replace(FLAG, pointer=f"/lines/{at}/amount", reasons=(f"reason {'abc'[at % 3]}",)) for at in range(6)]
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful(*flags)})
        found = runfigures.gather(store)
    assert (found.reasons.counts, found.reasons.beyond) == ({"reason a": 2, "reason b": 2}, 2)
    assert "2 places under still other wordings." in reported(folder).text


@pytest.mark.parametrize("address", [str, postgres_server.address], ids=["SQLite", "PostgreSQL"])
def test_places_and_times_are_read_page_by_page(folder: Path, monkeypatch: pytest.MonkeyPatch, address: Callable[[], str]) -> None:
    monkeypatch.setattr(store_, "IDS_AT_ONCE", 3)
    flags = [replace(FLAG, record=record, pointer=f"/lines/{at}/amount") for record in range(2) for at in range(5)]
    with begun(folder, address=address()) as store:
        finish(store, {"a.txt": doubtful(*flags), "b.txt": good(), "c.txt": doubtful(), "d.txt": good(), "e.txt": good()})
        assert list(store.flagged()) == [*(("a.txt", flag) for flag in flags), ("c.txt", FLAG)]
        assert [name for name, _ in store.took()] == ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]


# -- whose fault, how sure


def test_whose_fault_failures_are_is_told_where_it_was_kept(folder: Path) -> None:
    verdicts = {"bill: adds-up": {Verdict.DOCUMENT: 2, Verdict.READING: 1}}
    with begun(folder) as store:
        kept = doubtful(failed=3, failing={"bill: adds-up": 3}, verdicts=verdicts)
        finish(store, {"a.txt": kept, "b.txt": doubtful()})
    text = reported(folder).text
    assert "whose fault: 1 the reading, 2 the document" in text
    assert "fault: the readingfault: the documentfault: not judged" in text


def test_the_scores_of_flagged_values_are_drawn(folder: Path) -> None:
    doubted = (*(0,) * (SCORE_BINS - 2), 2, 1)
    scores = (*(0,) * (SCORE_BINS - 2), 4, 36)
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful(scores=scores, doubted=doubted)})
    text = reported(folder).text.replace("\u202f", " ")
    assert "36 of 40 values (90 %) score 0.95 or more; 3 values are flagged, 1 of them in spite of that." in text
    assert "of them flagged" in text


# -- what it cost


def test_costs_are_told_by_model_and_for_each_document(folder: Path) -> None:
    calls = Spent(calls=3, replayed=1, prompt_tokens=12_000, cached_tokens=4_000, completion_tokens=500, costs=(("USD", Decimal("0.5")),))
    book = Book({"fast": calls, "strong": Spent(calls=1, unpriced=1, uncounted=1)})
    book.note("usable", 3)
    with begun(folder) as store:
        finish(store, {"a.txt": good(spent=spent("fast", calls)), "b.txt": good(spent=spent("fast", Spent(calls=1)))})
        store.heard_of(1, book.as_dict())
        end(store)
    text = reported(folder).text
    assert "4 calls, 1 of them answered from the cache; they cost 0.50 USD and more, 0.25 USD for each document with a result." in text
    assert "fast0.50 USD3112,0004,000500" in text
    assert "strongnot known10000" in text
    assert "together0.50 USD and more4112,0004,000500" in text
    assert "Of 1 call nobody says how many tokens they took. Of 1 call nobody says what they cost." in text
    assert "usable3" in text
    assert "a.txt0.50 USD312,500b.txt01" in text  # the dearest first


def test_costs_in_several_currencies_are_not_added_up(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good()})
        paid = (("CNY", Decimal("1234.5")), ("USD", Decimal("0.004")))
        store.heard_of(1, Book({"fast": Spent(calls=1, costs=paid)}).as_dict())
    assert "1,234.50 CNY, 0.0040 USD" in reported(folder).text


@pytest.mark.parametrize(
    ("calls", "sentence"),
    [(Spent(calls=2, unpriced=2), "what they cost is not known."), (Spent(calls=2, replayed=2), "they cost nothing.")],
)
def test_costs_that_nobody_knows_are_not_told_as_nothing(folder: Path, calls: Spent, sentence: str) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good()})
        store.heard_of(1, Book({"fast": calls}).as_dict())
    assert sentence in reported(folder).text


# -- over all records


def test_conventions_and_checks_across_records_are_told(folder: Path) -> None:
    conventions = (
        Convention("bill", "adds-up", "truncated", 1, 22, (Outlier("a.txt", 3, "/sum", "sum = 2 is not 1.9"),)),
        Convention("bill", "rate", "mixed", 4, 5),
    )
    failed, unpaired = Failed("a.txt", 1, "paid", "sum = 3, paid = 4", Verdict.DOCUMENT), Unpaired("b.txt", 0, "bill", "payment")
    with begun(folder) as store:
        finish(store, {"a.txt": good()})
        end(store, conventions=conventions, across=Across(7, (failed,), 12, (unpaired,), 1))
    text = reported(folder).text
    head = "7 of 19 checks across records held, and 1 record has no partner; 2 checks show how results are printed; 1 result is printed"
    assert head in text
    for line in ("adds-upbillcut off122", "ratebillboth ways45", "a.txt/3 /sumsum = 2 is not 1.9", "b.txt/0 billno payment of its name"):
        assert line in text
    assert "a.txt/1 paid: the fault of the documentsum = 3, paid = 4" in text
    assert "11 more: structurer show" in text


def test_a_halted_run_says_why_and_what_waits(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good()})
        store.add([Located("b.txt", "b.txt", "/b.txt", "f" * 64)])
        end(store, state=Progress.HALTED, halted="the key was refused")
    text = reported(folder).text
    assert "This run was halted after" in text
    assert "1 of 2 documents or files gave a result; 1 waits still." in text
    assert "Halted: the key was refused" in text


def test_a_rare_state_is_seen_and_its_number_stands_in_the_legend(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {f"{at}.txt": good() if at else Outcome(State.FAILED, "no reply") for at in range(60)})
    assert "failed 1 1.7" in reported(folder).text
    page = (folder.parent / "report.html").read_text("utf-8")
    assert page.count('y="14" text-anchor="middle">') == 1  # no number above the small part, which is drawn
    assert "<title>failed: 1</title>" in page


def test_a_time_that_is_none_is_left_out(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good()})
        end(store, finished="soon")
    text = reported(folder).text
    assert "This run finished (built-in reader)." in text
    assert "a minute" not in text


# -- what of strangers is in it


def test_nothing_of_strangers_acts_in_the_page(folder: Path) -> None:
    evil = load({"type": "object", "title": EVIL, "properties": {"<b>": {"type": "string", "title": EVIL}}}, kind="evil")
    flag = Flagged(0, "evil", "/<b>", (f"{EVIL} is odd",))
    calls = Spent(calls=1, costs=((EVIL, Decimal(1)),))
    book = Book({EVIL: calls})
    book.note(EVIL)
    across = Across(0, (Failed(EVIL, 0, EVIL, EVIL),), 1, (Unpaired(EVIL, 0, EVIL, EVIL),), 1)
    with begun(folder.parent / EVIL.replace("/", ""), Asked(EVIL, (EVIL,), EVIL, (evil,), model=EVIL)) as store:
        finish(store, {EVIL: doubtful(flag, failing={f"evil: {EVIL}": 1}, spent=book.as_dict()), "b": Outcome(State.FAILED, EVIL)})
        store.heard_of(1, book.as_dict())
        end(store, conventions=(Convention(EVIL, EVIL, "mixed", 4, 5),), across=across, halted=EVIL)
    out = folder.parent / "report.html"
    runreport.write(folder.parent / EVIL.replace("/", ""), "", out)
    seen = Seen(out.read_text("utf-8"))
    assert {"script", "b", "img", "a"} & {tag for tag, _ in seen.elements} == {"a"}
    assert not any(name.startswith("on") or name in ("src", "srcset") for _, attributes in seen.elements for name in attributes)
    assert all(str(attributes["href"]).startswith("#") for _, attributes in seen.elements if "href" in attributes)
    assert "\u202e" not in out.read_text("utf-8")
    assert seen.text.count("<script>alert(1)</script>\"'&\ufffd") > 10


def test_the_page_needs_nothing_else(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful()})
    seen = reported(folder)
    page = (folder.parent / "report.html").read_text("utf-8")
    assert not re.search(r"https?:|//|@import|url\((?!#)", page.partition("<style>")[2].partition("</style>")[0])
    assert {"link", "script", "img", "iframe", "object"} & {tag for tag, _ in seen.elements} == set()
    policy = next(attributes["content"] for tag, attributes in seen.elements if attributes.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("name", ["年度报告（终稿）.pdf", "تقرير سنوي.pdf", "דוח.pdf"])
def test_names_of_any_script_have_a_direction_of_their_own(folder: Path, name: str) -> None:
    with begun(folder) as store:
        finish(store, {name: doubtful()})
    reported(folder)
    page = (folder.parent / "report.html").read_text("utf-8")
    assert page.count(f"<bdi>{name}</bdi>") + page.count(f"<bdi>{name}/0</bdi>") == page.count(name)


# -- who sees it


def test_every_drawing_has_words_or_is_hidden_from_who_hears_the_page(folder: Path) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": doubtful(), "b.txt": good()})
        end(store)
    seen = reported(folder)
    drawings = [attributes for tag, attributes in seen.elements if tag == "svg" and "viewbox" not in attributes]
    assert all(one.get("aria-hidden") == "true" or (one.get("role") == "img" and one.get("aria-label")) for one in drawings)
    labels = [str(one["aria-label"]).replace("\u202f", " ") for one in drawings if "aria-label" in one]
    assert labels == [
        "Documents and files by state: done 1, needs review 1",
        "Values by score, on a logarithmic axis. 0.95 to 1.00: 80",
        "Share of the documents that were done within a time. 0.2 s: 0 %; 0.25 s: 0 %; 0.3 s: 0 %; 0.35 s: 0 %; 0.4 s: 0 %; 0.45 s: 0 %; "
        "0.5 s: 100 %",
    ]


def test_sections_tables_and_hatchings_are_put_together_well(folder: Path) -> None:
    with begun(folder) as store:
        states = {state.value: Outcome(state) for state in State if state not in (State.WAITING, State.IN_WORK)}
        finish(store, {**states, "a.txt": doubtful(spent=spent("fast", Spent(calls=1)))})
        end(store)
    seen = reported(folder)
    ids = [str(attributes["id"]) for _, attributes in seen.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    page = (folder.parent / "report.html").read_text("utf-8")
    assert set(re.findall(r"url\(#(\w+)\)", page)) <= set(ids)
    assert set(re.findall(r'href="#(\w+)"', page)) == {str(attributes["id"]) for tag, attributes in seen.elements if tag == "section"}
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in seen.elements if tag == "th")
    levels = [int(tag[1]) for tag, _ in seen.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))
    fills = re.findall(r'<rect class="part" x="[^"]*" y="20"[^>]* fill="([^"]*)"', page)
    assert len(fills) == len(set(fills)) == len(states)  # no two states look alike


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_texts_and_shapes_stand_out_from_their_ground_in_light_dark_and_print() -> None:
    style = resources.files("structurer.runreport").joinpath(runreport.STYLE).read_text("utf-8")
    schemes = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)]
    assert len(schemes) == 3
    for colours in schemes:
        for ground in (colours["ground"], colours["card"]):
            assert min(contrast(colours[name], ground) for name in ("text", "muted", "bar")) >= 4.5  # WCAG 1.4.3
            assert min(contrast(colours[name], ground) for name in ("good", "look", "bad", "wait", "off")) >= 3  # WCAG 1.4.11


# -- words


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (number(1234567), "1,234,567"),
        (short(9_999), "9,999"),
        (short(12_431), "12 k"),
        (short(999_499), "999 k"),
        (short(999_500), "1.0 M"),
        (short(43_000_000), "43 M"),
        (percent(0, 5), "0 %"),
        (percent(5, 5), "100 %"),
        (percent(1, 3), "33 %"),
        (percent(1, 100_000), "under 0.1 %"),
        (percent(99_999, 100_000), "over 99.9 %"),
        (percent(995, 1000), "99.5 %"),
        (percent(1, 0), "0 %"),
        (lasting(0.0001), "under 0.01 s"),
        (lasting(0.04), "0.04 s"),
        (lasting(59.4), "59 s"),
        (lasting(61), "1 min 01 s"),
        (lasting(3600), "1 h 00 min"),
        (lasting(200_000), "2 d 7 h"),
        (money(Decimal("0.0034")), "0.0034"),
        (money(Decimal("1234.5")), "1,234.50"),
        (money(Decimal(0)), "0.00"),
        (those(5, 5, "document"), "all 5 documents"),
        (those(0, 5, "document"), "none of 5 documents"),
        (those(1, 1, "document"), "the only document"),
        (those(4, 5, "document"), "4 of 5 documents"),
    ],
)
def test_figures_are_written_as_a_person_writes_them(shown: str, words: str) -> None:
    assert shown.replace("\u202f", " ") == words


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01, 1.0, 5.0, 70.0, 99_000.0])
def test_times_of_any_length_are_drawn(folder: Path, seconds: float) -> None:
    with begun(folder) as store:
        finish(store, {"a.txt": good(seconds=seconds), "b.txt": good(seconds=seconds)})
    text = reported(folder).text
    assert "The slowest of 2 documents took" in text
    assert ("2 documents took longer than 90,000 s." in text) is (seconds > 90_000)


# -- where it cannot be written


def test_without_a_run_or_a_place_to_write_to_it_says_so(folder: Path) -> None:
    with pytest.raises(UsageError, match="not a run folder"):
        runreport.write(folder, "", folder.parent / "report.html")
    with begun(folder):
        pass
    with pytest.raises(UsageError, match="cannot be written"):
        runreport.write(folder, "", folder.parent / "none" / "report.html")
    (folder / "run.db").write_bytes(b"no database" * 1000)
    with pytest.raises(InputError):
        runreport.write(folder, "", folder.parent / "report.html")
    assert not list(folder.parent.glob("*.html"))
