"""The sections of a run report on what was read: what is flagged, which checks fail, how sure the values are, what records say together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from structurer.arithmetic.checks import ROUNDED, TRUNCATED
from structurer.judging.across import Across
from structurer.judging.convention import MIXED, Convention
from structurer.record import Verdict
from structurer.runreport.charts import Bar, Html, Look, Part, bars, histogram, key, number, percent
from structurer.runreport.figures import UNKNOWN, Failing, Figures, Spot
from structurer.runreport.pieces import LISTED, NONE, Section, begun, columns, counted, field_of, html, note, table, text, those, titled
from structurer.store.finishing import SCORE_BINS

SURE_BIN: Final = SCORE_BINS * 19 // 20  # what scores less than 0.95 has lost something of its evidence
QUOTED: Final = 200  # characters of a reason
_FAULTS: Final = {
    Verdict.READING.value: ("the reading", Look.STRIPES),
    Verdict.DOCUMENT.value: ("the document", Look.BAD),
    Verdict.UNDECIDED.value: ("undecided", Look.OFF),
    UNKNOWN: ("not judged", Look.PLAIN),
}
_TICKS: Final = ((0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "score 1"))
_SCORE: Final = (
    "Numbers of values by their score; the axis is logarithmic. The score is a product of evidence, and no probability until it is "
    "calibrated: a value is flagged for a reason, not below a score. Blanks, rows and lists have no score, and may be flagged too."
)
_MANNERS: Final = {ROUNDED: "rounded", TRUNCATED: "cut off", MIXED: "both ways"}


# -- what must a person look at


def look(figures: Figures) -> Section:
    """Why, where and in which documents values are flagged."""
    title = "What to look at"
    if not figures.flagged:
        return Section("look", title, Html("No place is flagged." if figures.finished else "No document has a result yet."))
    ratio = f", against {counted(figures.values, 'value')} read ({percent(figures.flagged, figures.values)})" if figures.values else ""
    mostly = figures.reasons.counts.most_common(1)
    because = html(", most often because ", text(mostly[0][0])) if mostly else NONE
    finding = html(begun(f"{counted(figures.flagged, 'place is', 'places are')} flagged{ratio}"), because, ".")
    return Section("look", title, finding, html(_reasons(figures), columns(_places(figures), _most_flagged(figures))))


def _reasons(figures: Figures) -> Html:
    found = figures.reasons
    rows = [
        Bar(text(words), number(count), (Part(words, count, Look.PLAIN),), _spot(words, found.firsts[words][0]))
        for words, count in found.counts.most_common(LISTED)
    ]
    rest = len(found.counts) - len(rows)
    notes = (
        f"{counted(rest, 'further wording')} not shown." if rest else "",
        f"{counted(found.beyond, 'place')} under still other wordings." if found.beyond else "",
        "# stands for a number, … for a text or place." if any({"#", "…"} & set(words) for words in found.counts) else "",
        "A place may have several reasons." if sum(found.counts.values()) > figures.flagged else "",
    )
    return titled("Why", bars(rows, ("reason, with an example", "places")), note(" ".join(filter(None, notes))))


def _spot(words: str, spot: Spot) -> Html:
    """Where a reason is found, and how it reads there."""
    where = html("for example ", text(f"{spot.source}/{spot.record}"), " ", text(spot.pointer or "the whole record"))
    if words in spot.reasons:
        return where
    own = spot.reasons[spot.wordings.index(words)]
    return html(where, "<br>", text(own if len(own) <= QUOTED else own[: QUOTED - 1] + "…"))


def _places(figures: Figures) -> Html:
    found = figures.places
    rows = []
    for (kind, pattern), count in found.counts.most_common(LISTED):
        names, printed = field_of(figures.schemas.get(kind), pattern)
        below = html(text(kind), f" · {printed}" if printed else "")
        rows.append(Bar(names, number(count), (Part(pattern, count, Look.PLAIN),), below))
    rest = len(found.counts) - len(rows)
    return titled("Where", bars(rows, ("field", "places")), note(f"{counted(rest, 'further field')} not shown." if rest else ""))


def _most_flagged(figures: Figures) -> Html:
    rows = [Bar(text(name), number(count), (Part(name, count, Look.PLAIN),)) for name, count in figures.most_flagged]
    return titled("In which documents most", bars(rows, ("document", "places")))


# -- checks that fail


def failing(figures: Figures) -> Section:
    """Which checks fail, how often, and whose fault that is."""
    checks, title = figures.held + figures.failed, "Checks that fail"
    if not checks:
        return Section("checks", title, Html("No check was applicable."))
    if not figures.failing:
        return Section("checks", title, begun(f"{those(figures.held, checks, 'check')} held."))
    worst = figures.failing[0]
    sentence = f"{counted(figures.failed, 'check')} of {number(checks)} {'fails' if figures.failed == 1 else 'fail'}"
    finding = html(f"{sentence} ({percent(figures.failed, checks)}), most often ", text(worst.id), f" of {text(worst.kind)}.")
    rows = [_check(one, figures) for one in figures.failing[:LISTED]]
    rest = len(figures.failing) - len(rows)
    more = note(f"{counted(rest, 'further check')} not shown." if rest else "")
    return Section("checks", title, finding, html(_blamed(figures), bars(rows, ("check", "failures")), more))


def _check(one: Failing, figures: Figures) -> Bar:
    schema = figures.schemas.get(one.kind)
    rule = next((rule for rule in schema.rules if rule.id == one.id), None) if schema else None
    words = [text(one.kind), *([text(rule.says)] if rule and rule.says else [])]
    formula = html("<br><code>", text(rule.check.text), "</code>") if rule else ""
    faults = ", ".join(f"{number(count)} {_FAULTS[fault][0]}" for fault, count in _in_order(one.faults) if fault != UNKNOWN)
    note_ = html(" · ".join(words), formula, f"<br>whose fault: {faults}" if faults else "")
    return Bar(text(one.id), number(one.count), tuple(_fault_parts(one)), note_)


def _fault_parts(one: Failing) -> Iterator[Part]:
    return (Part(_FAULTS[fault][0], count, _FAULTS[fault][1]) for fault, count in _in_order(one.faults))


def _in_order(faults: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(fault, faults[fault]) for fault in _FAULTS if faults.get(fault)]


def _blamed(figures: Figures) -> Html:
    present = [fault for fault in _FAULTS if any(one.faults.get(fault) for one in figures.failing)]
    return key([(f"fault: {_FAULTS[fault][0]}", _FAULTS[fault][1]) for fault in present])


# -- confidence


def confidence(figures: Figures) -> Section:
    """The scores of the values, and of those that are flagged."""
    title, values, doubted = "Confidence", figures.values, figures.doubted
    if not values:
        return Section("confidence", title, Html("No value has been read."))
    high = sum(figures.scores[SURE_BIN:])
    share = f" ({percent(high, values)})" if 0 < high < values else ""
    finding = f"{those(high, values, 'value')}{share} {'scores' if high == 1 else 'score'} {SURE_BIN / SCORE_BINS:.2f} or more"
    if sum(doubted):
        spite = number(sum(doubted[SURE_BIN:]))
        finding += f"; {counted(sum(doubted), 'value is', 'values are')} flagged, {spite} of them in spite of that"
    bins = [f"{at / SCORE_BINS:.2f} to {(at + 1) / SCORE_BINS:.2f}: {number(count)}" for at, count in enumerate(figures.scores) if count]
    about = f"Values by score, on a logarithmic axis. {'; '.join(bins)}"
    chart = histogram(figures.scores, doubted, _TICKS, about)
    legend = key([("values", Look.PLAIN), ("of them flagged", Look.STRIPES)]) if sum(doubted) else NONE
    return Section("confidence", title, begun(f"{finding}."), html(chart, legend, note(_SCORE)))


# -- what records say together


def together(figures: Figures) -> Section:
    """How the results of checks are printed over the run, and the checks across records."""
    conventions, across = figures.manifest.conventions, figures.manifest.across
    title, any_across = "Across records", across.held or across.failed_count or across.unpaired_count
    if not conventions and not any_across:
        early = "This is known when the run has ended."
        nothing = "No check over several records was applicable, and too few results tell how they are printed."
        return Section("together", title, Html(nothing if figures.manifest.finished else early))
    said = [_held_across(across)] if any_across else []
    strays = sum(convention.strays for convention in conventions)
    said += [
        f"{counted(len(conventions), 'check')} {'show' if len(conventions) != 1 else 'shows'} how results are printed"
        if conventions
        else ""
    ]
    said += [f"{counted(strays, 'result is', 'results are')} printed otherwise than the rest" if strays else ""]
    body = html(columns(_conventions(conventions), _strays(conventions)), columns(_failed(across), _unpaired(across)))
    return Section("together", title, begun("; ".join(filter(None, said)) + "."), body)


def _held_across(across: Across) -> str:
    checks = across.held + across.failed_count
    alone = f", and {counted(across.unpaired_count, 'record has', 'records have')} no partner" if across.unpaired_count else ""
    return f"{those(across.held, checks, 'check')} across records held{alone}" if checks else alone.removeprefix(", and ")


def _conventions(conventions: Sequence[Convention]) -> Html:
    rows = [
        (
            html(text(one.check), "<small>", text(one.kind), "</small>"),
            Html(_MANNERS[one.manner]),
            Html(number(one.rounded)),
            Html(number(one.truncated)),
        )
        for one in conventions
    ]
    heads = ("check", "its results are", "rounded", "cut off")
    told = note("Prints that only the one manner or only the other explains.")
    return titled("How results are printed", table(heads, rows, "How results are printed", figures=2), told) if rows else NONE


def _strays(conventions: Sequence[Convention]) -> Html:
    found = [(f"{one.source}/{one.index}", one.pointer, one.words) for convention in conventions for one in convention.outliers]
    return _listed("Printed otherwise", found, sum(convention.strays for convention in conventions))


def _failed(across: Across) -> Html:
    found = [
        (f"{one.source}/{one.index}", f"{one.id}{f': the fault of {_FAULTS[one.verdict][0]}' if one.verdict else ''}", one.words)
        for one in across.failed
    ]
    return _listed("Fail across records", found, across.failed_count)


def _unpaired(across: Across) -> Html:
    found = [(f"{one.source}/{one.index}", one.kind, f"no {one.partner} of its name") for one in across.unpaired]
    return _listed("Without a partner", found, across.unpaired_count)


def _listed(title: str, found: Sequence[tuple[str, str, str]], count: int) -> Html:
    """The first of so many records: where, what, and the words for it."""
    shown = found[:LISTED]
    lines = [
        html("<li><code>", text(where), "</code> ", text(what), "<small>", text(words), "</small></li>") for where, what, words in shown
    ]
    more = note(f"{number(count - len(shown))} more: structurer show" if count > len(shown) else "")
    return titled(title, '<ul class="names">', *lines, "</ul>", more) if lines else NONE
