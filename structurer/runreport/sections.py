"""The sections of a run report. Each begins with a sentence that states what was found; one that has nothing to say, says so in a line."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from math import log
from typing import Final

from structurer.endpoints.book import Book, Spent
from structurer.runreport.charts import Bar, Html, Look, Part, bars, cumulative, number, percent, stacked
from structurer.runreport.figures import UPTO_S, Figures, name_of
from structurer.runreport.findings import confidence, failing, look, together
from structurer.runreport.pieces import (
    LISTED,
    NONE,
    Section,
    begun,
    between,
    columns,
    costs,
    counted,
    few,
    html,
    lasting,
    moment,
    money,
    note,
    table,
    text,
    those,
    titled,
)  # fmt: skip
from structurer.store.runs import UNDONE, Came, Progress, State

_ROUND: Final = tuple(at for at, bound in enumerate(UPTO_S) if f"{bound:e}"[:3] in ("1.0", "2.0", "5.0"))  # bounds that an axis names
_LOOKS: Final = {
    State.DONE: Look.GOOD, State.NEEDS_REVIEW: Look.STRIPES, State.UNREADABLE: Look.BAD, State.REFUSED: Look.UPRIGHT,
    State.FAILED: Look.CROSS, State.QUARANTINED: Look.DOTS, State.WAITING: Look.WAITING, State.IN_WORK: Look.WORKING,
    State.SKIPPED: Look.OFF, State.GONE: Look.FAINT,
}  # fmt: skip
_PROGRESS: Final = {
    Progress.RUNNING: "is not finished",
    Progress.FINISHED: "finished",
    Progress.INTERRUPTED: "was interrupted",
    Progress.HALTED: "was halted",
}


def headline(figures: Figures) -> Html:
    """The run in a sentence."""
    counts = figures.manifest.counts
    undone = sum(counts.get(state, 0) for state in UNDONE)
    look = counts.get(State.NEEDS_REVIEW, 0)
    if not figures.finished and not undone:
        return Html("Nothing has come of this run yet")
    parts = [f"{those(look, figures.finished, 'document')} {'need' if look != 1 else 'needs'} a look"] if look else []
    if figures.finished and not look:
        parts.append(f"{those(figures.finished, figures.finished, 'document')} {'are' if figures.finished != 1 else 'is'} done")
    if undone:
        parts.append(f"{counted(undone, 'file')} could not be done" if parts else f"none of {counted(undone, 'file')} could be done")
    return begun("; ".join(parts))


def lede(figures: Figures) -> Html:
    """What there is to look at, in a sentence; nothing where there is nothing."""
    parts = [f"{counted(figures.flagged, 'place is', 'places are')} flagged"] if figures.flagged else []
    if figures.failed:
        checks = figures.held + figures.failed
        parts.append(f"{those(figures.failed, checks, 'check')} {'fails' if figures.failed == 1 else 'fail'}")
    return begun(f"{' and '.join(parts)}.") if parts else NONE


# -- what is this run


def asked(figures: Figures) -> Section:
    """What was asked, of whom, and when."""
    manifest = figures.manifest
    took = between(manifest.started, manifest.finished) if manifest.finished else None
    lasted = f" after {lasting(took)}" if took is not None else ""
    facts = {
        "command": html("<code>", text(shlex.join(["structurer", *manifest.command])), "</code>"),
        "reader": text(manifest.reader),
        "model": text(manifest.model) if manifest.model else Html("none"),
        "begun": moment(manifest.started),
        "ended": moment(manifest.finished) if manifest.finished else Html("not yet"),
        "kinds of form": html(*(_schema(used.kind, used.title, used.digest) for used in manifest.schemas)) or Html("none"),
        "tool": text(manifest.tool),
    }
    body = "".join(f"<dt>{name}</dt><dd>{shown}</dd>" for name, shown in facts.items())
    finding = html(f"This run {_PROGRESS[manifest.state]}{lasted} (", text(manifest.reader), ").")
    return Section("run", "This run", finding, html(f'<dl class="facts">{body}</dl>'))


def _schema(kind: str, title: str, digest: str) -> Html:
    return html("<div>", text(kind), f" {text(title)}" if title != kind else "", f' <span class="share">{text(digest)}</span></div>')


# -- how did it end


def ended(figures: Figures) -> Section:
    """Documents by state, and why those that stand out are in theirs."""
    counts = {state: figures.manifest.counts.get(state, 0) for state in State}
    total = sum(counts.values())
    if not total:
        return Section("end", "How it ended", Html("No document has been found."))
    undone = sum(counts[state] for state in UNDONE)
    waiting = counts[State.WAITING] + counts[State.IN_WORK]
    sentence = f"{those(figures.finished, total, 'document')} or file{'s' * (total != 1)} gave a result"
    sentence += f"; {number(undone)} could not be done" if undone else ""
    sentence += f"; {counted(waiting, 'waits', 'wait')} still" if waiting else ""
    chart = stacked([Part(state.value, count, _LOOKS[state]) for state, count in counts.items() if count], "Documents and files by state")
    halted = note(html("Halted: ", text(figures.manifest.halted))) if figures.manifest.halted else NONE
    return Section("end", "How it ended", begun(f"{sentence}."), html(chart, halted, _unusual(figures)))


def _unusual(figures: Figures) -> Html:
    found = figures.unusual
    if not found.counts:
        return NONE
    rows = [
        (text(state.value), _reason(words, found.firsts[state, words], count), Html(number(count)))
        for (state, words), count in found.counts.most_common(LISTED)
    ]
    rest = sum(found.counts.values()) - sum(count for _, count in found.counts.most_common(LISTED)) + found.beyond
    more = note(f"{counted(rest, 'more', 'more')} for other reasons: structurer status, or structurer show --all") if rest else NONE
    return titled("Why", table(("state", "reason, and who", "files"), rows, "Reasons for states", figures=1), more)


def _reason(words: str, firsts: Sequence[Came], count: int) -> Html:
    """A reason, of one document as it is, and the names of the first documents that have it."""
    said = firsts[0].reason if count == 1 else words
    return html(text(said) if said else "no reason", "<small>", few([text(name_of(came)) for came in firsts], count), "</small>")


# -- what did it cost


def cost(figures: Figures) -> Section:
    """Calls, tokens and money, by model."""
    book = Book.read(figures.manifest.spent) if figures.manifest.spent else Book()
    total = book.total
    if not total.calls:
        return Section("cost", "What it cost", Html("No model was asked, so it cost nothing."))
    cached = f", {counted(total.replayed, 'of them', 'of them')} answered from the cache" if total.replayed else ""
    each = _each(total, figures.finished)
    sentence = f"{counted(total.calls, 'call')}{cached}; {_paid(total)}{each}."
    rows = [_spent(text(name), spent) for name, spent in book.models.items()]
    rows += [_spent(Html("together"), total)] if len(rows) > 1 else []
    heads = ("model", "cost", "calls", "from the cache", "tokens in", "cached there", "tokens out")
    calls = table(heads, rows, "Calls by model", figures=6, summed=len(book.models) > 1)
    return Section("cost", "What it cost", begun(sentence), html(calls, note(_unsaid(total)), columns(_outcomes(book), _dearest(figures))))


def _paid(total: Spent) -> str:
    if not total.costs:
        return "what they cost is not known" if total.unpriced else "they cost nothing"
    return f"they cost {costs(total)}"


def _each(total: Spent, documents: int) -> str:
    if not documents or not total.costs:
        return ""
    each = ", ".join(f"{money(amount / Decimal(documents))} {text(currency)}" for currency, amount in total.costs)
    return f", {each} for each document with a result"


def _spent(name: Html, spent: Spent) -> list[Html]:
    counts = (spent.calls, spent.replayed, spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens)
    return [name, Html(costs(spent)), *(Html(number(count)) for count in counts)]


def _unsaid(total: Spent) -> str:
    unknown = ((total.uncounted, "how many tokens they took"), (total.unpriced, "what they cost"))
    return " ".join(f"Of {counted(count, 'call')} nobody says {what}." for count, what in unknown if count)


def _outcomes(book: Book) -> Html:
    rows = [Bar(text(name), number(count), (Part(name, count, Look.PLAIN),)) for name, count in book.outcomes.most_common(LISTED)]
    return titled("What replies came to", bars(rows, ("outcome", "times"))) if rows else NONE


def _dearest(figures: Figures) -> Html:
    rows = [
        (text(name), Html(costs(spent)), Html(number(spent.calls)), Html(number(spent.prompt_tokens + spent.completion_tokens)))
        for name, spent in figures.dearest
    ]
    heads = ("document", "cost", "calls", "tokens")
    return titled("The dearest documents", table(heads, rows, "The dearest documents", figures=3)) if len(rows) > 1 else NONE


# -- time


def time(figures: Figures) -> Section:
    """How long documents took, and which took longest."""
    title, documents = "Time", figures.worked_on
    if not documents:
        return Section("time", title, Html("No document has come to its end."))
    manifest = figures.manifest
    took = between(manifest.started, manifest.finished) if manifest.finished else None
    pace = f"; {_pace(documents, took)} over the whole run" if took else ""
    last = figures.slowest[0]
    finding = html(f"The slowest of {counted(documents, 'document')} took {lasting(last[1])}{pace}.")
    beginning = note("The whole run is from its beginning to its end, with the pauses before it was resumed." if took else "")
    rows = [Bar(text(name), lasting(seconds), (Part(name, round(1000 * seconds), Look.PLAIN),)) for name, seconds in figures.slowest]
    slowest = titled("The slowest documents", bars(rows, ("document", "time")))
    return Section("time", title, finding, html(columns(titled("Documents done within", _within(figures.within)), slowest), beginning))


def _pace(documents: int, seconds: float) -> str:
    a_minute = documents * 60 / seconds
    return f"{a_minute:,.0f} documents a minute" if a_minute >= 10 else f"{a_minute:.2g} documents a minute"


def _within(counts: Sequence[int]) -> Html:
    """How many of the documents were done within a time, on a logarithmic axis from a round bound that none kept to one that all kept."""
    reached = list(accumulate(counts[:-1]))
    last = next((at for at in _ROUND[1:] if reached[at] == sum(counts)), _ROUND[-1])
    first = max((at for at in _ROUND if at < last and not reached[at]), default=0)
    width = log(UPTO_S[last] / UPTO_S[first])
    places = {at: log(UPTO_S[at] / UPTO_S[first]) / width for at in range(first, last + 1)}
    points = [(place, reached[at] / sum(counts)) for at, place in places.items()]
    ticks = [(places[at], f"{UPTO_S[at]:,g} s") for at in _ROUND if first <= at <= last]
    told = "; ".join(f"{UPTO_S[at]:,g} s: {percent(reached[at], sum(counts))}" for at in places)
    beyond = note(f"{counted(counts[-1], 'document')} took longer than {UPTO_S[-1]:,g} s." if counts[-1] else "")
    return html(cumulative(points, ticks, f"Share of the documents that were done within a time. {told}"), beyond)


SECTIONS: Final = (asked, ended, cost, look, failing, confidence, together, time)
