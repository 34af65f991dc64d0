"""Whether the characters of a page are those of its file, a recogniser's, or both; and what a second reading makes of figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.document import Box
from structurer.sheets.decision import COMMON, ENOUGH, MEANINGLESS, STAMP, Choice, Decision, Facts, common_share, decide, is_common
from structurer.sheets.overlaid import doubted, laid_over
from structurer.sheets.sheet import Char, Sheet

PAGE = Box(0.0, 0.0, 595.0, 842.0)
HALF = Box(0.0, 0.0, 595.0, 421.0)
SEAL = Box(400.0, 700.0, 500.0, 800.0)
RULE = Box(60.0, 100.0, 500.0, 101.0)
DOT = Box(60.0, 100.0, 75.0, 115.0)
PROSE = "本年度预算执行情况良好，各项指标均已完成，资金使用合规，绩效目标基本实现，后续工作将按计划推进。"
PRINTED = Facts(PROSE * 3, 0, 0, (), 595.0, 842.0)


def decided(**changed: object) -> Choice:
    return decide(replace(PRINTED, **changed))  # type: ignore[arg-type]


def test_a_page_of_print_is_that_of_its_file():
    assert decided() == Choice(Decision.LAYER)


def test_a_blank_page_is_left_alone():
    assert decided(shown="", is_blank=True) == Choice(Decision.LAYER, ("the page is blank",))
    assert decided(shown="", is_blank=True, pictures=(PAGE,), hidden=500) == Choice(Decision.LAYER, ("the page is blank",))


def test_marks_without_characters_are_for_the_recogniser():
    assert decided(shown="") == Choice(Decision.OCR, ("the page shows marks and has no characters",))
    assert decided(shown="", pictures=(PAGE,)).decision is Decision.OCR


def test_hidden_text_on_a_picture_that_is_the_page_is_an_earlier_reading():
    choice = decided(shown="", hidden=300, pictures=(PAGE,))
    assert (choice.decision, choice.is_recognised) == (Decision.OCR, True)
    assert choice.reasons == ("a picture is the page; 300 hidden character(s) are an OCR engine's reading of it",)
    strips = tuple(Box(0, 84.2 * strip, 595, 84.2 * (strip + 1)) for strip in range(10))
    assert decided(shown="Copy17", hidden=300, pictures=strips).is_recognised


@pytest.mark.parametrize(
    "changed",
    [
        {"hidden": 300},
        {"hidden": 300, "pictures": (SEAL,), "shown": "正文"},
        {"hidden": 20, "pictures": (PAGE,)},
    ],
    ids=["no picture", "a small picture", "more print than hidden text"],
)
def test_other_hidden_text_is_no_earlier_reading(changed: dict[str, object]):
    assert not decided(**changed).is_recognised


def test_glyphs_without_meaning_are_for_the_recogniser_where_they_are_many():
    shown = PROSE * 4
    few, many = int(MEANINGLESS * len(shown)), int(MEANINGLESS * len(shown)) + 1
    assert decided(shown=shown, lost=few) == Choice(Decision.LAYER)
    choice = decided(shown=shown, lost=many)
    assert (choice.decision, choice.reasons) == (Decision.OCR, (f"{many} of {len(shown)} glyphs have no meaning in the file",))


def test_rare_ideographs_throughout_are_for_the_recogniser():
    rare = "".join(map(chr, range(0x9EB0, 0x9EB0 + ENOUGH)))
    choice = decided(shown=rare)
    assert (choice.decision, choice.parts) == (Decision.OCR, ())
    assert "the file gives its glyphs wrong meanings" in choice.reasons[0]
    assert decided(shown=rare[: ENOUGH - 1]).decision is Decision.LAYER
    assert decided(shown=rare + PROSE * 3).decision is Decision.LAYER  # names of places and people are rare as well


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "各機關應於會計年度終了後編製決算報告，並就計畫實施進度與經費運用情形逐項說明。",
        "各部署は会計年度の終了後に決算報告書を作成し、経費の使用状況を項目ごとに記載する。",
        "資産負債表 現金及び預金 売掛金 商品 建物 土地 買掛金 借入金 資本金 利益剰余金",
    ],
    ids=["simplified", "traditional", "Japanese", "Japanese accounts"],
)
def test_real_texts_have_common_ideographs(text: str):
    share = common_share(text)
    assert share is not None
    assert share > 0.9 > COMMON


def test_texts_with_few_ideographs_cannot_tell():
    assert common_share("Total 1,250.00 元") is None
    assert common_share("") is None
    assert common_share(PROSE[: ENOUGH // 2] + "abc") is None


def test_an_ideograph_is_common_by_any_standard_of_its_users():
    assert all(map(is_common, "的國発"))
    assert not any(map(is_common, "龘麤㐀\U00020000"))


@given(st.characters())
def test_any_character_is_common_or_not(char: str):
    assert is_common(char) in (True, False)


def test_a_stamp_on_a_picture_that_is_the_page_leaves_the_rest_to_the_recogniser():
    choice = decided(shown="合同专用章第7号", pictures=(PAGE,))
    assert (choice.decision, choice.parts) == (Decision.BOTH, (PAGE,))
    assert choice.reasons == ("a picture is the page; 8 character(s) are put on it",)
    assert decided(shown="x" * STAMP, pictures=(PAGE,)).parts == (PAGE,)


def test_pictures_among_print_are_read_where_they_can_hold_any():
    choice = decided(pictures=(HALF, RULE, DOT, SEAL))
    assert (choice.decision, choice.parts) == (Decision.BOTH, (HALF, SEAL))
    assert choice.reasons == ("2 picture(s) on the page may hold print",)
    assert decided(pictures=(RULE, DOT)) == Choice(Decision.LAYER)


def test_a_page_without_extent_is_decided():
    assert decide(Facts("", 0, 0, (), 0.0, 0.0)).decision is Decision.OCR


FACTS = st.builds(
    Facts,
    st.text(max_size=120),
    st.integers(0, 200),
    st.integers(0, 200),
    st.lists(st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.floats(0, 900)] * 4), max_size=4).map(tuple),
    st.floats(0, 15_000),
    st.floats(0, 15_000),
    st.booleans(),
)


@given(FACTS)
def test_every_decision_but_the_plain_one_has_its_reason(facts: Facts):
    choice = decide(facts)
    assert bool(choice.parts) == (choice.decision is Decision.BOTH)
    assert choice.reasons or choice.decision is Decision.LAYER
    assert not choice.is_recognised or (choice.decision is Decision.OCR and facts.hidden)


# --- two readings of one place


def chars(x: float, top: float, text: str, sure: float | None = 0.9) -> tuple[Char, ...]:
    return tuple(Char(sign, Box(x + 6 * place, top, x + 6 * place + 6, top + 10), True, sure) for place, sign in enumerate(text))


def confidences(found: tuple[Char, ...]) -> dict[str, list[float | None]]:
    return {char.text: [other.confidence for other in found if other.text == char.text] for char in found}


def test_figures_that_a_second_reading_sees_otherwise_are_doubted():
    first = (*chars(60, 60, "12.5"), *chars(60, 80, "37"))
    found = doubted(first, (*chars(60, 60, "12.8"), *chars(60, 80, "37")))
    assert [char.confidence for char in found] == [0.4] * 4 + [0.9] * 2
    assert [char._replace(confidence=0.9) for char in found] == list(first)


def test_a_lower_confidence_stays():
    assert confidences(doubted(chars(60, 60, "12", 0.2), chars(60, 60, "13"))) == {"1": [0.2], "2": [0.2]}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("合计", "台计"),  # words are not counted with
        ("12.5", ""),
        ("12.5", "12.5"),
    ],
)
def test_words_and_what_only_one_reading_has_stay_sure(first: str, second: str):
    found = chars(60, 60, first)
    assert doubted(found, chars(60, 60, second)) == found


def test_a_second_reading_elsewhere_says_nothing():
    found = chars(60, 60, "12.5")
    assert doubted(found, chars(60, 200, "99.9")) == found


@given(st.text("0123456789.合计", max_size=8), st.text("0123456789.合计", max_size=8), st.floats(-30, 30), st.floats(-15, 15))
def test_doubt_changes_nothing_but_confidence(first: str, second: str, right: float, down: float):
    found = chars(60, 60, first)
    after = doubted(found, chars(60 + right, 60 + down, second))
    assert [char[:3] for char in after] == [char[:3] for char in found]
    assert all((new.confidence or 0) <= (old.confidence or 0) for new, old in zip(after, found, strict=True))


def test_what_is_read_in_a_picture_is_moved_to_its_place_and_yields_to_the_file():
    own = Sheet(3, 595.0, 842.0, chars(100, 100, "印", None), ((Box(300, 300, 400, 320),),))
    boxes = ((Box(0, 0, 50, 20),), (Box(210, 210, 260, 260),))
    read = Sheet(1, 200.0, 200.0, (*chars(0, 0, "卯"), *chars(40, 60, "7")), boxes, "ocr", 1.5, 200.0, "an engine")
    found = laid_over(own, read, Box(100.0, 100.0, 300.0, 300.0))
    assert [(char.text, char.box[:2], char.confidence) for char in found.chars] == [("印", (100, 100), None), ("7", (140, 160), 0.9)]
    assert found.tables == (own.tables[0], (Box(100, 100, 150, 120),))
    assert (found.number, found.width, found.engine, found.dpi) == (3, 595.0, "an engine", 200.0)
