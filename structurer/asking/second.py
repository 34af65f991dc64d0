"""A second, blind reading of single cells by a model: it is shown the form again and told which cells to look at, not what is wanted.

One call, no reask: an answer that cannot be used leaves the first reading as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from string import Template
from typing import Final

from structurer.asking.extract import Prompt, fence
from structurer.asking.guide import one_line
from structurer.asking.jsontext import Broken, parsed
from structurer.asking.llm import Call, Message, Model, Reply, Request, Rounds
from structurer.asking.replies import encodable, unusable
from structurer.contracts.schema import Leaf
from structurer.errors import ModelError
from structurer.judging.evidence import Pending

MAX_CELLS: Final = 24  # asked for in one call; of more the first are
SHOWN: Final = 80  # characters of a row's other values that say which row is meant


def read_again(
    document_text: str, pending: Pending, places: Sequence[str], model: Model, prompt: Prompt
) -> Rounds[tuple[dict[str, str | None], Reply | str]]:
    """What the model says is printed in each place, by pointer, and its reply, or why there is none. Nothing where that is no use."""
    asked = {f"cell_{number}": place for number, place in enumerate(places[:MAX_CELLS], 1)}
    (answer,) = yield (Call(model, _request(document_text, pending, asked, model, prompt)),)
    if isinstance(answer, ModelError):
        return {}, answer.what
    return {asked[key]: text for key, text in _answers(answer, asked).items()}, answer


def _request(document_text: str, pending: Pending, asked: Mapping[str, str], model: Model, prompt: Prompt) -> Request:
    document = encodable(document_text)
    note = pending.layout.showing.note if pending.layout else ""
    values = {
        "title": pending.schema.title,
        "shape": json.dumps(dict.fromkeys(asked), ensure_ascii=False),
        "fence": fence(document),
        "document": document,
        "note": note and f"{note}\n\n",
        "cells": "\n".join(f"{key}: {_described(pending, place)}" for key, place in asked.items()),
    }
    system, user = (
        encodable(Template(part).substitute(values)).strip() for part in re.split(r"^---[ \t]*$\n?", prompt.text, flags=re.MULTILINE)
    )
    schema = {
        "type": "object",
        "properties": {key: {"type": ["string", "null"]} for key in asked},
        "required": list(asked),
        "additionalProperties": False,
    }
    return Request(model.name, (Message("system", system), Message("user", user)), schema, "cells")


def _described(pending: Pending, place: str) -> str:
    """A cell in words: its field with the names it is printed under, and of a row its texts, which say where it stands."""
    leaf = pending.values[place][0]
    path = ".".join(part if part != "*" else "[]" for part in leaf.path).replace(".[]", "[]")
    labels = f" “{' / '.join(leaf.printed.labels)}”" if leaf.printed.labels else ""
    row = place.rpartition("/")[0]
    texts = [
        one_line(str(value.text))
        for other, (_, value) in pending.values.items()
        if other.rpartition("/")[0] == row and other != place and value.text is not None and not _is_figure(pending, other)
    ]
    where = f", in entry {int(place.split('/')[leaf.path.index('*') + 1]) + 1} of the list" if "*" in leaf.path else ""
    return f"{path}{labels}{where}" + (f": {' | '.join(texts)[:SHOWN]}" if where and texts else "")


def _is_figure(pending: Pending, place: str) -> bool:
    leaf: Leaf = pending.values[place][0]
    return leaf.kind.numeric


def _answers(reply: Reply, asked: Mapping[str, str]) -> dict[str, str | None]:
    """The usable answers: texts or null, under the keys asked for."""
    found = None if unusable(reply) else parsed(reply.text, list(asked))
    if found is None or isinstance(found, Broken) or not isinstance(found.tree, dict):
        return {}
    return {key: text for key, text in found.tree.items() if key in asked and (text is None or isinstance(text, str))}
