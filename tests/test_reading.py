"""Long segments and wide schemas read by a model that has its limits: nothing is lost in silence, whatever it drops."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from standins import Reader
from stub_reading import Lossy
from stub_statements import SCHEMA, Print, statement

from structurer.asking.converse import concluded
from structurer.asking.extract import Asking, UnusableReplyError
from structurer.asking.llm import Reply, Request
from structurer.asking.reading import LOST_ROWS, NOT_READ, SPLIT, Reading, Sizes, read
from structurer.contracts.contract import load
from structurer.errors import ModelError, TooLongError
from structurer.layout import Layout
from structurer.library import load_prompt
from structurer.record import Match

STATEMENT = load(SCHEMA, kind="statement")
SHORT = Sizes(shard=3_000)


def readings(text: str, *models: Any, sizes: Sizes = SHORT) -> tuple[Reading, Counter[str]]:
    outcomes: Counter[str] = Counter()
    askings = [Asking(model, load_prompt(), outcomes=outcomes) for model in models]
    return concluded(read(Layout(text, 0, len(text)), STATEMENT, askings, sizes)), outcomes


def lines(reading: Reading) -> list[tuple[str | None, ...]]:
    leaves = reading.extraction.leaves
    columns = ("date", "description", "amount", "balance")
    return [tuple(leaves[f"/lines/{n}/{column}"].text for column in columns) for n in range(reading.extraction.rows["/lines"])]


def true_lines(truth: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in ("date", "description", "amount", "balance")) for row in truth["lines"]]


@pytest.mark.parametrize("layout", list(Print))
def test_a_long_list_is_read_in_shards_and_is_whole(layout: Print) -> None:
    text, truth = statement(300, 5, layout)
    model = Reader()
    reading, outcomes = readings(text, model)
    assert len(model.asked) > 5
    assert lines(reading) == true_lines(truth)
    assert {place: reading.extraction.leaves[f"/{place}"].text for place in ("account", "total", "closing_balance")} == {
        place: truth[place] for place in ("account", "total", "closing_balance")
    }
    assert set(reading.matches.values()) <= {Match.EXACT, Match.NORMALISED}
    assert (reading.extraction.doubts, outcomes[LOST_ROWS]) == ({}, 0)


def test_a_short_one_is_asked_for_once_and_whole() -> None:
    text, truth = statement(20, 1)
    model = Reader()
    reading, _ = readings(text, model)
    assert (len(model.asked), lines(reading)) == (1, true_lines(truth))
    assert "[...]" not in model.asked[0].messages[1].content


def test_every_shard_but_the_first_repeats_the_head_and_says_that_lines_are_left_out() -> None:
    text, _ = statement(300, 5)
    model = Reader()
    readings(text, model)
    shown = [request.messages[1].content for request in model.asked]
    assert all("Date" in one and "Account" in one for one in shown)
    assert ["[...]" in one for one in shown] == [False, *[True] * (len(shown) - 1)]
    assert len({request.messages[0].content for request in model.asked}) == 1


def test_rows_that_a_model_drops_are_asked_for_again_and_come() -> None:
    asked = 0
    for seed in range(12):
        text, truth = statement(240, seed, list(Print)[seed % 3])
        reading, outcomes = readings(text, Reader(Lossy(0.9, rows_kept_well=20), seed), sizes=Sizes(shard=6_000))
        asked += outcomes[LOST_ROWS] > 0
        assert lines(reading) == true_lines(truth)
    assert asked > 8


def test_a_reply_cut_off_at_the_output_limit_is_asked_for_in_halves() -> None:
    text, truth = statement(120, 3)
    model = Reader(output=5_000)
    reading, outcomes = readings(text, model, sizes=Sizes(shard=100_000))
    assert lines(reading) == true_lines(truth)
    assert outcomes[SPLIT] >= 3
    assert outcomes["reply cut off at the output limit"] == outcomes[SPLIT]


def test_a_reply_that_is_cut_off_however_little_is_asked_for_is_no_reading() -> None:
    text, _ = statement(60, 3)
    with pytest.raises(UnusableReplyError) as caught:
        readings(text, Reader(output=10), sizes=Sizes(shard=100_000))
    assert caught.value.bad.fault == "reply cut off at the output limit"


def filtered(word: str) -> Any:
    """The reply is stopped by a filter where the document holds a word."""

    def spoil(request: Request, reply: Reply) -> Reply:
        return replace(reply, text="", finish_reason="content_filter") if word in request.messages[1].content else reply

    return spoil


def test_what_a_filter_stops_is_halved_down_to_the_lines_and_these_are_named() -> None:
    text, truth = statement(200, 3)
    unwanted = truth["lines"][120]["description"]
    assert text.count(unwanted) == 1
    reading, outcomes = readings(text, Reader(spoil=filtered(unwanted)))
    missing = [row for row in true_lines(truth) if row not in lines(reading)]
    assert true_lines(truth)[120] in missing
    assert len(missing) <= 30
    number = text[: text.index(unwanted)].count("\n") + 1
    (doubt,) = reading.extraction.doubts[""]
    first, last = (int(word) for word in doubt.split()[1:4:2])
    assert first <= number <= last
    assert doubt.endswith("the last one: stopped by the content filter")
    assert outcomes[NOT_READ] == 1


class Down:
    """Reaches nobody."""

    name = "down"

    async def complete(self, request: Request) -> Reply:
        raise ModelError("cannot connect")


def test_a_model_that_cannot_be_reached_is_an_error_of_the_document() -> None:
    text, _ = statement(200, 3)
    with pytest.raises(ModelError, match="cannot connect"):
        readings(text, Down())


class Ailing(Reader):
    """Does not answer the third request."""

    async def complete(self, request: Request) -> Reply:
        if len(self.asked) == 2:
            self.asked.append(request)
            raise ModelError("cannot connect")
        return await super().complete(request)


def test_a_shard_that_was_not_answered_makes_no_half_document() -> None:
    text, _ = statement(300, 3)
    with pytest.raises(ModelError, match="cannot connect"):
        readings(text, Ailing())


@pytest.mark.parametrize("fields", [2, 3, 5])
def test_a_schema_too_big_for_one_reply_is_asked_for_in_parts(fields: int) -> None:
    text, truth = statement(15, 4)
    model = Reader()
    reading, _ = readings(text, model, sizes=Sizes(fields=fields))
    assert len(model.asked) >= 2
    assert lines(reading) == true_lines(truth)
    assert reading.extraction.leaves["/closing_balance"].text == truth["closing_balance"]
    assert not reading.extraction.doubts


def test_several_models_are_heard_and_the_missing_one_is_told_of() -> None:
    text, truth = statement(15, 4)
    reading, _ = readings(text, Reader(), Reader(name="other"))
    assert {leaf.agreement for leaf in reading.extraction.leaves.values()} == {(2, 2)}
    reading, _ = readings(text, Reader(), Down())
    assert lines(reading) == true_lines(truth)
    assert reading.extraction.doubts[""] == ("a further opinion is missing: cannot connect",)


class Narrow(Reader):
    """Takes no request with more than so many characters of a document."""

    async def complete(self, request: Request) -> Reply:
        if len(request.messages[1].content) > 3_000:
            self.asked.append(request)
            raise TooLongError("the request is too long")
        return await super().complete(request)


def test_what_does_not_fit_into_the_context_is_asked_for_in_halves() -> None:
    text, truth = statement(120, 3)
    reading, outcomes = readings(text, Narrow(), sizes=Sizes(shard=100_000))
    assert lines(reading) == true_lines(truth)
    assert outcomes[SPLIT] >= 3
