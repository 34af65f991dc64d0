"""What a person names becomes documents of a run, with the names that they have in records, and what is left aside."""

import hashlib
import threading
import zipfile
from pathlib import Path

import pytest

from structurer import gathering
from structurer.errors import InputError, UsageError
from structurer.gathering import arriving, gathered, refuse_missing
from structurer.store.runs import LeftAside, Located, State


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    for name, content in {"b.txt": "b", "a.txt": "a", "sub/c.txt": "c", "film.mov": "x", ".hidden.txt": "h"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def found(*paths, include=(), exclude=(), blobs=Path("blobs")):
    made = list(gathered(paths, include, exclude, blobs))
    return [one for one in made if isinstance(one, Located)], [one for one in made if isinstance(one, LeftAside)]


def test_documents_have_their_digest_size_and_place_and_a_short_name_below_the_folder(docs):
    documents, asides = found(docs)
    assert [(one.source, one.size) for one in documents] == [("a.txt", 1), ("b.txt", 1), ("sub/c.txt", 1)]
    assert all(Path(one.path).read_bytes() and Path(one.name) == docs / one.source for one in documents)
    assert [one.sha256 for one in documents] == [hashlib.sha256(text).hexdigest() for text in (b"a", b"b", b"c")]
    assert {one.state for one in asides} == {State.SKIPPED}
    assert any("film.mov" in one.name for one in asides)


@pytest.mark.parametrize("slash", ["", "/", "/."])
def test_a_folder_is_the_same_however_it_is_written(docs, slash):
    documents, _ = found(Path(f"{docs}{slash}"))
    assert [one.source for one in documents] == ["a.txt", "b.txt", "sub/c.txt"]


def test_a_relative_folder_leaves_short_names_too(docs, monkeypatch):
    monkeypatch.chdir(docs.parent)
    assert [one.source for one in found(Path("docs"))[0]] == ["a.txt", "b.txt", "sub/c.txt"]
    assert [one.source for one in found(Path("docs/../docs"))[0]] == ["a.txt", "b.txt", "sub/c.txt"]


def test_below_the_current_folder_names_keep_their_folders(docs, monkeypatch):
    monkeypatch.chdir(docs)
    assert [one.source for one in found(Path("."))[0]] == ["a.txt", "b.txt", "sub/c.txt"]


def test_a_file_that_is_named_has_its_own_name_and_the_same_file_comes_once(docs):
    assert [one.source for one in found(docs / "sub" / "c.txt")[0]] == ["c.txt"]
    assert found(docs / "sub" / "c.txt", docs / "sub" / "c.txt")[0][0].source.endswith("sub/c.txt")


def test_of_several_paths_short_names_begin_with_their_last_names(docs):
    documents, _ = found(docs / "sub", docs / "a.txt")
    assert [one.source for one in documents] == ["sub/c.txt", "a.txt"]


def test_where_two_paths_have_the_same_last_name_short_names_are_whole(docs):
    (docs / "sub" / "a.txt").write_text("another")
    documents, _ = found(docs / "a.txt", docs / "sub" / "a.txt")
    assert [one.source for one in documents] == [str(docs / "a.txt"), str(docs / "sub" / "a.txt")]


def test_members_of_archives_are_documents_whose_bytes_are_among_the_blobs(tmp_path, docs):
    with zipfile.ZipFile(docs / "more.zip", "w") as archive:
        archive.writestr("in/d.txt", "d")
    documents, _ = found(docs, blobs=tmp_path / "blobs")
    (member,) = [one for one in documents if "!" in one.name]
    assert (member.source, member.name) == ("more.zip!in/d.txt", f"{docs}/more.zip!in/d.txt")
    assert Path(member.path).read_text() == "d"
    assert tmp_path / "blobs" in Path(member.path).parents


def test_patterns_choose_and_what_they_leave_is_said(docs):
    documents, asides = found(docs, include=("*.txt",), exclude=("sub/",))
    assert [one.source for one in documents] == ["a.txt", "b.txt"]
    assert asides


def test_a_pattern_that_is_none_is_said_before_anything_is_looked_for(docs):
    with pytest.raises(UsageError, match="a pattern cannot be understood"):
        gathered([docs], ("!",), (), Path("blobs"))


def test_a_folder_without_files_is_unreadable_and_says_what_to_do(tmp_path):
    (tmp_path / "empty").mkdir()
    documents, (aside,) = found(tmp_path / "empty")
    assert (documents, aside.state, aside.reason) == ([], State.UNREADABLE, "there are no files")
    assert aside.remedy.startswith("name a file, or a folder with .txt")


@pytest.mark.parametrize("name", ["none.txt", "none/below.txt", "a.txt/below.txt", "\0", "x" * 300])
def test_a_path_that_leads_nowhere_is_refused_before_anything_is_begun(docs, name):
    refuse_missing([docs, docs / "a.txt"])
    with pytest.raises(InputError) as caught:
        refuse_missing([docs, docs / name])
    assert caught.value.where == str(docs / name)
    assert caught.value.remedy


# -- as they come


@pytest.fixture
def looks(monkeypatch):
    """Every look is a minute after the one before, and nothing waits."""
    now = [0.0]
    monkeypatch.setattr(gathering, "LOOK_S", 0.0)
    monkeypatch.setattr(gathering, "monotonic", lambda: now.__setitem__(0, now[0] + 60) or now[0])


def looked(coming):
    """What comes until the next look is over."""
    return [one.source if isinstance(one, Located) else one.reason for one in iter(lambda: next(coming), None)]


def test_documents_arrive_when_they_are_whole_each_once_and_again_with_other_content(docs, looks, tmp_path):
    ending = threading.Event()
    coming = arriving([docs], (), (), tmp_path / "blobs", ending)
    first = looked(coming)
    assert "a.txt" not in first  # it may be growing
    assert [one for one in looked(coming) if one.endswith(".txt")] == ["a.txt", "b.txt", "sub/c.txt"]
    assert looked(coming) == []
    (docs / "d.txt").write_text("d")
    (docs / "a.txt").write_text("other")
    assert looked(coming) == []
    assert looked(coming) == ["a.txt", "d.txt"]
    ending.set()
    assert list(coming) == []


def test_nothing_is_looked_for_once_the_run_is_ending(docs, tmp_path):
    ending = threading.Event()
    ending.set()
    assert list(arriving([docs], (), (), tmp_path / "blobs", ending)) == []
