"""A run as a page to look at: one HTML file without scripts that needs nothing else, in the order in which a person asks."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from importlib import resources
from pathlib import Path
from typing import Final

from structurer import atomic
from structurer.endpoints.book import Book, Spent
from structurer.errors import UsageError
from structurer.runreport import sections
from structurer.runreport.charts import Html, number, patterns
from structurer.runreport.figures import Figures, gather
from structurer.runreport.pieces import Section, between, costs, html, lasting, moment, money, text
from structurer.show import plain
from structurer.store import runfolder

STYLE: Final = "page.css"  # beside this module
_HEAD: Final = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    '<meta name="color-scheme" content="light dark">'
)


def write(folder: Path, address: str, out: Path) -> None:
    """Write the report of a run as an HTML file; `address` is that of its store, where this is not in the folder. Raises UsageError where
    there is no run or `out` cannot be written, InputError where the run is damaged."""
    with runfolder.opened(folder, address) as store:
        figures = gather(store)
    try:
        atomic.write_text(out, page(figures, folder.resolve().name, datetime.now(UTC)))
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror or error}", where=str(out), remedy="choose another --out") from error


def page(figures: Figures, name: str, now: datetime) -> str:
    """The report as HTML; `name` is what a person calls the run, `now` when it is written."""
    parts = [make(figures) for make in sections.SECTIONS]
    style = resources.files("structurer.runreport").joinpath(STYLE).read_text("utf-8")
    links = "".join(f'<li><a href="#{section.id}">{section.title}</a></li>' for section in parts)
    written = f"Written {moment(now.isoformat(timespec='seconds'))} by {text(figures.manifest.tool)}."
    return "\n".join(
        (
            f"{_HEAD}<title>{escape(plain(name).plain)}: run report</title>\n<style>\n{style}</style></head><body>{patterns()}<main>",
            f'<header><p class="eyebrow">Run report: {text(name)}</p><h1>{sections.headline(figures)}</h1>{_lede(figures)}</header>',
            f'{_tiles(figures)}<nav aria-label="Sections"><ul>{links}</ul></nav>',
            *(_section(section) for section in parts),
            f"<footer><p>{written}</p></footer></main></body></html>\n",
        )
    )


def _section(section: Section) -> str:
    empty = "" if section.body else ' class="empty"'
    return (
        f'<section id="{section.id}" aria-labelledby="{section.id}-title"{empty}><h2 id="{section.id}-title">{section.title}</h2>'
        f'<p class="finding">{section.finding}</p>{section.body}</section>'
    )


def _lede(figures: Figures) -> Html:
    sentence = sections.lede(figures)
    return html("<p>", sentence, "</p>") if sentence else sentence


def _cost(spent: Spent) -> dict[str, str]:
    """What models cost, the currency with the name of the tile, since it is short."""
    if len(spent.costs) != 1:
        return {"cost of models": costs(spent)}
    (currency, amount), *_ = spent.costs
    return {f"{text(currency)} for models{' and more' if spent.unpriced else ''}": money(amount)}


def _tiles(figures: Figures) -> Html:
    manifest = figures.manifest
    took = between(manifest.started, manifest.finished) if manifest.finished else None
    tiles = {
        "documents with a result": number(figures.finished),
        "records": number(figures.records),
        "values": number(figures.values),
        "places to look at": number(figures.flagged),
        "checks that held": number(figures.held),
        "checks that fail": number(figures.failed),
        **_cost(Book.read(manifest.spent).total if manifest.spent else Spent()),
        "time": lasting(took) if took is not None else "not over",
    }
    return html('<dl class="tiles">', *(f"<div><dt>{name}</dt><dd>{shown}</dd></div>" for name, shown in tiles.items()), "</dl>")
