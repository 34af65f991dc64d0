"""What is known of endpoints is remembered for a while, and a spoilt memory costs nothing but a few questions."""

from datetime import date
from pathlib import Path

import pytest

from structurer.endpoints.dialect import Dialect, Format, Limit
from structurer.endpoints.known import FILE, Known

PLAIN = Dialect(Format.TOOL, sampling=False, logprobs=False, limit=Limit.NEW)


def test_a_dialect_is_remembered_by_address_and_model(tmp_path: Path) -> None:
    Known(tmp_path / "new").learn("http://a/v1", "m", PLAIN)
    Known(tmp_path / "new").learn("http://a/v1", "n", Dialect())
    known = Known(tmp_path / "new")
    assert [known.dialect("http://a/v1", name) for name in ("m", "n", "o")] == [PLAIN, Dialect(), None]
    assert known.dialect("http://b/v1", "m") is None


def test_after_a_month_it_is_asked_anew(tmp_path: Path) -> None:
    Known(tmp_path, lambda: date(2026, 1, 1)).learn("http://a", "m", PLAIN)
    assert Known(tmp_path, lambda: date(2026, 1, 31)).dialect("http://a", "m") == PLAIN
    assert Known(tmp_path, lambda: date(2026, 2, 1)).dialect("http://a", "m") is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"m at http://a": 3}', '{"m at http://a": {"format": "new", "learned": "2026-01-01"}}'])
def test_a_spoilt_memory_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    known = Known(tmp_path)
    assert known.dialect("http://a", "m") is None
    known.learn("http://a", "m", PLAIN)
    assert known.dialect("http://a", "m") == PLAIN


def test_without_a_folder_nothing_is_remembered() -> None:
    known = Known(None)
    known.learn("http://a", "m", PLAIN)
    assert known.dialect("http://a", "m") is None


def test_a_folder_that_cannot_be_made_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Known(tmp_path / "file" / "cache").learn("http://a", "m", PLAIN)
