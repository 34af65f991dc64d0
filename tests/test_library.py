"""Schemas and prompts: those that ship, in both ways of installing, and those that users bring."""

from __future__ import annotations

import builtins
import datetime
import decimal
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

import structurer.library as library
from structurer.errors import SchemaError, UsageError
from structurer.library import load_prompt, load_schema, schema_of_model, shipped_folder, shipped_schemas

SCHEMA: dict[str, Any] = {"type": "object", "title": "Invoice", "properties": {"number": {"type": "string"}, "total": {"type": "number"}}}
PROMPT = "a\n---\nb\n---\n$errors"
ASK = "from structurer.library import *; print([s.kind for s in shipped_schemas()], load_prompt().digest, shipped_folder('prompts'))"


def shelve(folder: Path) -> None:
    """The two shipped folders with something in them."""
    for name in ("schemas", "prompts"):
        (folder / name).mkdir(parents=True)
    for kind in ("receipt", "invoice"):
        (folder / "schemas" / f"{kind}.json").write_text(json.dumps(SCHEMA))
    (folder / "prompts" / "extract.md").write_text(PROMPT)


@pytest.mark.parametrize("installed", [True, False], ids=["wheel", "checkout"])
def test_the_shipped_folders_are_found_in_both_ways_of_installing(tmp_path: Path, installed: bool) -> None:
    package = tmp_path / "structurer"
    shutil.copytree(library.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "schemas", "prompts"))
    (tmp_path / "pyproject.toml").touch()
    shelve(tmp_path)
    if installed:
        shelve(package)
        (tmp_path / "schemas" / "other.json").write_text("of another package")
    answer = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=True)
    digest = hashlib.sha256(PROMPT.encode()).hexdigest()[:16]
    home = package if installed else tmp_path
    assert answer.stdout == f"['invoice', 'receipt'] {digest} {home / 'prompts'}\n"


def test_a_folder_beside_the_package_is_not_ours_unless_it_is_a_checkout(tmp_path: Path) -> None:
    shelve(tmp_path)
    package = tmp_path / "structurer"
    with pytest.raises(UsageError) as caught:
        shipped_folder("schemas", package=package)
    assert str(caught.value) == f"{package}: the folder 'schemas' that ships with structurer is missing\n  next: install structurer again"


def test_a_shipped_schema_that_cannot_be_obeyed_is_a_schema_error(tmp_path: Path) -> None:
    shelve(tmp_path)
    (tmp_path / "schemas" / "broken.json").write_text("[]")
    with pytest.raises(SchemaError) as caught:
        shipped_schemas(package=tmp_path)
    path = tmp_path / "schemas" / "broken.json"
    assert str(caught.value) == f"{path}#: a schema is a JSON object\n  next: structurer schema lint {path}"


def test_the_shipped_prompt_is_known_by_its_hash() -> None:
    prompt = load_prompt()
    assert len(prompt.digest) == 16
    assert "$document" in prompt.text


def test_an_unknown_prompt_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    shelve(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_prompt("../schemas/invoice", package=tmp_path)
    assert str(caught.value) == f"{tmp_path / 'prompts'}: no prompt '../schemas/invoice'; known: extract"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


YAML = """
# a comment
type: object
title: "Invoice"
properties:
  number: {type: string}
  total:
    type: number
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bill.json", json.dumps(SCHEMA)),
        ("bill.json", "\ufeff" + json.dumps(SCHEMA)),
        ("bill.yaml", YAML),
        ("bill.YML", json.dumps(SCHEMA)),
    ],
)
def test_a_schema_is_read_from_json_and_yaml_alike(tmp_path: Path, name: str, content: str) -> None:
    schema = load_schema(written(tmp_path, name, content))
    assert (schema.kind, schema.source) == ("bill", SCHEMA)


def test_yaml_words_and_numbers_mean_what_they_mean_in_json(tmp_path: Path) -> None:
    enum = "[no, on, 2024-01-01, 1.50, '7', 0x1F, ~, true, -3]"
    path = written(tmp_path, "a.yaml", f"type: object\nproperties:\n  yes: {{enum: {enum}, minimum: 1.50}}\n")
    spec = load_schema(path).source["properties"]["yes"]
    assert spec == {"enum": ["no", "on", "2024-01-01", 1.5, "7", "0x1F", None, True, -3], "minimum": 1.5}


BAD_FILES = [
    ("a.json", "", "not JSON: Expecting value (line 1, column 1)"),
    ("a.json", '{"type": "object",\n}', "not JSON: Expecting property name enclosed in double quotes (line 2, column 1)"),
    ("a.json", '{"type": NaN}', "not JSON: NaN is no JSON number"),
    ("a.json", '{"type": "object", "type": "array"}', "the key 'type' stands twice in one object"),
    ("a.json", "[" * 100_000, "nested too deeply"),
    ("a.yaml", "", "empty"),
    ("a.yaml", "a: 1\na: 2", "the key 'a' stands twice in one object"),
    ("a.yaml", "[" * 100_000, "nested too deeply (line 1)"),
    ("a.yaml", "a: &x [1]\nb: *x", "YAML aliases and tags are not read; use $ref (line 2)"),
    ("a.yaml", "!!python/object/apply:os.system ['true']", "YAML aliases and tags are not read; use $ref (line 1)"),
    ("a.yaml", "{[1, 2]: 3}", "a key is a text (line 1)"),
    ("a.yaml", "a: 1\n---\nb: 2", "more than one YAML document"),
]


@pytest.mark.parametrize(("name", "content", "what"), BAD_FILES, ids=[what for _, _, what in BAD_FILES])
def test_a_file_that_is_no_schema_is_refused_with_place_and_remedy(tmp_path: Path, name: str, content: str, what: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(SchemaError) as caught:
        load_schema(path)
    assert str(caught.value) == f"{path}: {what}\n  next: structurer schema lint {path}"


def test_broken_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"^.*a\.yaml: not YAML: .*line 2"):
        load_schema(written(tmp_path, "a.yaml", "a: [1\nb: }"))


def test_files_that_cannot_be_opened_are_schema_errors(tmp_path: Path) -> None:
    def error(path: Path) -> str:
        with pytest.raises(SchemaError) as caught:
            load_schema(path)
        return str(caught.value).removeprefix(f"{path}: ")

    big = written(tmp_path, "big.json", b" " * 5_000_001)
    assert error(tmp_path / "none.json") == "no such file\n  next: give the path of a JSON or YAML schema"
    assert error(tmp_path) == "cannot be read (is a directory)\n  next: give the path of a readable file"
    assert error(Path("a\0.json")) == "cannot be read (embedded null byte)\n  next: give the path of a readable file"
    assert error(written(tmp_path, "x.json", b"\xff{}")) == "not UTF-8 text\n  next: save the schema as UTF-8"
    assert error(big) == "larger than 5 MB\n  next: shorten the schema"


def test_a_large_yaml_file_of_one_line_is_answered_in_time(tmp_path: Path) -> None:
    path = written(tmp_path, "a.yaml", "a: [" + "{b: c}," * 20_000 + "]")
    begun = time.monotonic()
    with pytest.raises(SchemaError):
        load_schema(path)
    assert time.monotonic() - begun < 20


def test_yaml_without_pyyaml_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_yaml(name: str, *rest: Any, **options: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return genuine(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    path = written(tmp_path, "a.yaml", YAML)
    with pytest.raises(SchemaError) as caught:
        load_schema(path)
    assert str(caught.value) == (
        f"{path}: a YAML schema needs PyYAML, which is not installed\n  next: pip install pyyaml, or save the schema as JSON"
    )


class Grade(Enum):
    GOOD = "good"
    BAD = "bad"


class Line(BaseModel):
    text: str
    quantity: int | None = None
    amount: decimal.Decimal


class Bill(BaseModel):
    """A bill."""

    number: str = Field(title="Bill no.", description="as printed")
    issued: datetime.date
    currency: Literal["EUR", "USD"]
    grade: Grade | None
    lines: list[Line]
    total: decimal.Decimal | None


def test_a_pydantic_model_class_is_a_schema() -> None:
    schema = schema_of_model(Bill)
    assert schema.kind == "Bill"
    assert [(".".join(leaf.path), leaf.kind.value) for leaf in schema.leaves()] == [
        ("number", "text"),
        ("issued", "date"),
        ("currency", "choice"),
        ("grade", "choice"),
        ("lines.*.text", "text"),
        ("lines.*.quantity", "integer"),
        ("lines.*.amount", "number"),
        ("total", "number"),
    ]


@pytest.mark.parametrize("other", [dict, "Bill", Bill.model_construct()], ids=["class", "name", "instance"])
def test_anything_but_a_model_class_is_refused(other: Any) -> None:
    with pytest.raises(UsageError) as caught:
        schema_of_model(other)
    assert str(caught.value) == f"a schema is a path or a pydantic model class, not {other!r}"


def test_a_field_without_json_schema_is_a_schema_error() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        lock: threading.Thread

    with pytest.raises(SchemaError) as caught:
        schema_of_model(Odd)
    assert caught.value.where == "Odd"
    assert caught.value.remedy == "give every field a type that JSON Schema knows"


def test_importing_the_modules_loads_no_heavy_package() -> None:
    ask = (
        "import sys, structurer.asking.extract, structurer.library, structurer.endpoints.cassettes, structurer.endpoints.providers;"
        "print(sorted({'pydantic', 'openai', 'tenacity', 'yaml', 'jsonschema', 'httpx2', 're2'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", ask], cwd=library.PACKAGE.parent, capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
