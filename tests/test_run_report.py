"""What a run says of its records together: how their results are printed, and how the checks across them came out."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from structurer.archive import batch
from structurer.archive.batch import Watcher
from structurer.archive.hosted import Host
from structurer.archive.hosting import Told, Wish, Work
from structurer.archive.hosts import Hosts
from structurer.asking.llm import Rounds
from structurer.contracts.contract import load
from structurer.document import Document
from structurer.gathering import gathered
from structurer.intake.ingest import Intake
from structurer.judging import across
from structurer.judging.across import Across, Failed, Unpaired
from structurer.judging.convention import Convention
from structurer.pipeline import Plan, structuring
from structurer.record import Record, Result, Verdict
from structurer.show import show
from structurer.store import runfolder
from structurer.store.finishing import basis_of
from structurer.store.runs import Asked, Manifest, Progress

SHARE = load(
    {
        "type": "object",
        "x-anchors": ["Share"],
        "properties": {"name": {"type": "string"}, "part": {"type": "number"}, "whole": {"type": "number"}, "rate": {"type": "number"}},
        "x-checks": [{"id": "rate", "check": "rate == part / whole * 100"}],
    },
    kind="share",
)
BILL = load(
    {
        "type": "object",
        "x-anchors": ["Bill"],
        "properties": {"name": {"type": "string"}, "sum": {"type": "number"}},
        "x-related": {"paid": {"kind": "payment", "by": "name"}, "given": {"kind": "receipt", "by": "name"}, "all": {"kind": "payment"}},
        "x-checks": [
            {"id": "paid-in-full", "check": "sum == paid.amount", "says": "bills are paid"},
            {"id": "positive", "check": "sum > 0"},
        ],
    },
    kind="bill",
)
PAYMENT = load(
    {
        "type": "object",
        "x-anchors": ["Payment"],
        "properties": {"name": {"type": "string"}, "amount": {"type": ["number", "null"]}},
    },
    kind="payment",
)
PLAN = Plan((SHARE, BILL, PAYMENT))
CUT = "".join(f"Share\nName: n{part}\nPart: {part}.00\nWhole: 7.00\nRate: {rate}\n\n" for part, rate in ((2, "28.57"), (5, "71.42")))
CUT_OFF = CUT + CUT.replace("n5", "m5") + "Share\nName: n1\nPart: 1.00\nWhole: 6.00\nRate: 16.66\n\n"  # three of five prints tell
ROUNDED = "Share\nName: r\nPart: 2.00\nWhole: 3.00\nRate: 66.67\n\n"


def bill(name: str, amount: str) -> str:
    return f"Bill\nName: {name}\nSum: {amount}\n\n"


def payment(name: str, amount: str) -> str:
    return f"Payment\nName: {name}\nAmount: {amount}\n\n"


class Here:
    """A host in this process, which is interrupted, as by Ctrl-C, where a document is None."""

    def __init__(self, coming: dict[str, str | None]) -> None:
        self._coming = coming
        self._host = Host(Work(PLAN, Intake(), basis_of("plan", PLAN.schemas)), structure=self._structured)

    def _structured(self, document: Document, plan: Plan, outcomes: Counter[str]) -> Rounds[Result]:
        if self._coming[document.source] is None:
            os.kill(os.getpid(), signal.SIGINT)
        return structuring(document, plan, outcomes)

    def ask(self, wish: Wish) -> Told:
        return self._host.answer(wish)

    def close(self) -> None:
        pass


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Manifest]:
    """Runs a batch over texts, in the folder `run`; None interrupts it."""

    def run(*texts: str | None) -> Manifest:
        files = [tmp_path / f"{chr(97 + number)}.txt" for number in range(len(texts))]
        for number, (file, text) in enumerate(zip(files, texts, strict=True)):
            # blanks at the end, so that no two have the same content and are one document
            file.write_text((text or "-") + "\n" * number, encoding="utf-8")
        new = runfolder.create(tmp_path / "run", Asked("t", (), "built-in reader", PLAN.schemas))
        hosts = Hosts.of(lambda: Here({file.name: text for file, text in zip(files, texts, strict=True)}), 1)
        with suppress(KeyboardInterrupt):
            batch.run_all(gathered(files, (), (), tmp_path / "blobs"), PLAN, new, hosts, Watcher(lambda _: None, lambda _: None))
        with runfolder.opened(tmp_path / "run") as store:
            return runfolder.manifest_of(store)

    return run


@pytest.fixture
def shown(run_of: Callable[..., Manifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """The lines of the overview between the table of inputs and the records."""

    def lines(*texts: str) -> list[str]:
        run_of(*texts)
        show(tmp_path / "run", (), False)
        overview = capsys.readouterr().out.partition("\n■")[0]
        _, _, rest = overview.rpartition(".txt ")
        return [line.rstrip() for line in rest.split("\n")[1:] if line.strip()]

    return lines


def test_a_convention_is_learnt_over_all_documents_of_a_run(run_of: Callable[..., Manifest]) -> None:
    assert run_of(CUT, CUT_OFF).conventions == (Convention("share", "rate", "truncated", 0, 4),)


def test_too_few_prints_make_no_convention(shown: Callable[..., list[str]]) -> None:
    assert shown(CUT) == []


def test_an_outlier_is_shown_below_its_convention(shown: Callable[..., list[str]]) -> None:
    head, outlier, *more = shown(CUT_OFF * 4, ROUNDED)
    assert head == "share rate: cut off in 12 of 13 prints that tell"
    assert outlier.startswith("  not so at b.txt/0: rate = 66.67 is the print of 2.00 / 3.00 * 100 ≈ 66.6667: it is ")
    assert len(more) <= 1  # the rest of a long line


def test_prints_of_both_manners_are_shown_as_such(shown: Callable[..., list[str]]) -> None:
    assert shown(CUT_OFF, ROUNDED * 2) == ["share rate: printed both ways, 2 rounded and 3 cut off"]


def test_a_run_without_anything_to_say_of_its_records_together_says_nothing(shown: Callable[..., list[str]]) -> None:
    assert shown(payment("road", "1.00")) == []


@pytest.mark.skipif(os.name == "nt", reason="signals are not caught there")
def test_an_interrupted_run_keeps_what_it_learnt(run_of: Callable[..., Manifest]) -> None:
    manifest = run_of(CUT_OFF + bill("river", "9.00") + payment("river", "9.00"), None, *[CUT_OFF] * 20)
    assert (manifest.state, manifest.counts["waiting"] > 10) == (Progress.INTERRUPTED, True)
    (learnt,) = manifest.conventions
    assert (learnt.kind, learnt.manner, learnt.rounded, 3 <= learnt.truncated <= 12) == ("share", "truncated", 0, True)
    assert manifest.across == Across(held=1)


def test_checks_across_records_are_counted_and_the_failed_listed(run_of: Callable[..., Manifest]) -> None:
    fine = bill("river works", "10.00") + payment("river works", "10.00")
    found = run_of(fine, fine + bill("road repair", "7.00") + payment("road repair", "8.00")).across
    (failed,) = found.failed
    assert (found.held, found.failed_count, found.unpaired) == (2, 1, ())
    assert failed == Failed("b.txt", 2, "paid-in-full", failed.words, Verdict.DOCUMENT)
    assert failed.words == "bills are paid: sum = 7.00 should be equal to paid.amount = 8.00, but is 1 too low, outside 6.995 .. 7.01."


def test_a_record_whose_document_holds_partners_for_others_only_is_unpaired(run_of: Callable[..., Manifest]) -> None:
    found = run_of(bill("river works", "10.00") + bill("concert hall", "7.00") + payment("river works", "10.00")).across
    assert (found.held, found.failed_count) == (1, 0)
    assert (found.unpaired, found.unpaired_count) == ((Unpaired("a.txt", 1, "bill", "payment"),), 1)


def test_a_document_without_any_record_of_the_other_kind_leaves_nothing_unpaired(run_of: Callable[..., Manifest]) -> None:
    assert run_of(bill("river works", "10.00"), payment("river works", "10.00")).across == Across()


def test_of_two_records_of_one_name_the_one_farther_from_their_only_partner_is_unpaired(run_of: Callable[..., Manifest]) -> None:
    found = run_of(
        bill("river works", "10.00") + payment("concert hall", "1.00") + bill("river works", "10.00") + payment("river works", "10.00")
    )
    assert [one.index for one in found.across.unpaired] == [0]


def test_a_partner_with_the_field_blank_is_a_partner(run_of: Callable[..., Manifest], tmp_path: Path) -> None:
    manifest = run_of(bill("river works", "10.00") + payment("river works", ""))
    with runfolder.opened(tmp_path / "run") as store:
        assert store.sums()[0] == 2
    assert manifest.across == Across()


def test_what_came_of_checks_across_records_is_shown(shown: Callable[..., list[str]]) -> None:
    text = bill("river works", "10.00") + payment("river works", "10.00") + bill("concert hall", "3.00")
    head, failed, *rest, alone = shown(text + bill("road repair", "7.00") + payment("road repair", "8.00"))
    assert head == "checks across records: 1 held, 1 failed, 1 without a partner"
    assert failed.startswith("  FAILED a.txt/3 paid-in-full (document): bills are paid: sum = 7.00 should be")
    assert len(rest) <= 1
    assert alone == "  alone a.txt/2 bill: no payment of its name"


def test_long_lists_are_shortened_and_say_so(shown: Callable[..., list[str]]) -> None:
    names = [word * 3 for word in ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st")]
    lines = shown("".join(bill(name, "1.00") for name in names) + payment("uvw", "1.00"))
    assert lines[0] == "checks across records: 0 held, 0 failed, 10 without a partner"
    assert lines[-1] == "  2 more"
    assert len(lines) == 10


def test_lists_are_capped_and_counts_are_not(monkeypatch: pytest.MonkeyPatch, run_of: Callable[..., Manifest]) -> None:
    monkeypatch.setattr(across, "MAX_LISTED", 1)
    one = bill("river works", "10.00") + payment("river works", "11.00") + bill("concert hall", "3.00")
    found = run_of(one, one).across
    assert (len(found.failed), found.failed_count, len(found.unpaired), found.unpaired_count) == (1, 2, 1, 2)


def test_records_of_a_kind_without_a_schema_are_passed_over() -> None:
    relations = across.Relations((BILL,))
    relations.add((Record("other", "a.txt", 0, 0, 1, {}, {}), Record("bill", "a.txt", 1, 0, 1, {}, {})))
    assert relations.conclude() == Across()
