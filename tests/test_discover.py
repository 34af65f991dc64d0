"""Finding documents: what comes of the paths that a person names, in which order, and what is said of the rest."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from structurer.errors import InputError, UsageError
from structurer.finding import discover, walk
from structurer.finding.discover import Aside, Found, discovered
from structurer.finding.found import EXCLUDED, HIDDEN
from structurer.finding.inbox import SETTLED, Inbox, inbox
from structurer.finding.walk import LINK, MET, NO_FILE, OURS

SUFFIXES = (".txt", ".csv", ".pdf", ".docx")
Finding = Found | Aside | InputError


def written(folder: Path, *names: str, raw: bytes = b"") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw or name.encode("utf-8", "surrogateescape"))


def all_of(folder: Path, *paths: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[Finding]:
    return list(discovered(paths or (folder,), suffixes=SUFFIXES, include=include, exclude=exclude, blobs=folder.parent / "blobs"))


def names(findings: list[Finding], folder: Path) -> list[str]:
    return [os.path.relpath(found.name, folder) for found in findings if isinstance(found, Found)]


def asides(findings: list[Finding], folder: Path) -> dict[str, str]:
    return {os.path.relpath(aside.name, folder): aside.reason for aside in findings if isinstance(aside, Aside)}


def errors(findings: list[Finding]) -> list[InputError]:
    return [error for error in findings if isinstance(error, InputError)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


# --- what is found


def test_folders_are_searched_in_the_order_of_paths_and_nothing_is_dropped_silently(folder: Path) -> None:
    written(
        folder,
        "b.txt",
        "a.PDF",
        "sub/c.csv",
        "sub/film.mov",
        ".hidden.txt",
        ".git/d.txt",
        "~$a.docx",
        "Thumbs.db",
        "sub.txt",
        "sub-a/x.txt",
    )
    found = all_of(folder)
    assert names(found, folder) == ["a.PDF", "b.txt", "sub/c.csv", "sub-a/x.txt", "sub.txt"]
    assert asides(found, folder) == {"sub/film.mov": ".mov: not of a kind that can be read", ".": HIDDEN}
    assert found[-1] == Aside(str(folder), HIDDEN, 4)


def test_a_file_is_told_with_its_content_its_size_and_the_time_of_its_last_change(folder: Path) -> None:
    written(folder, "a.txt", raw=b"abc")
    status = (folder / "a.txt").stat()
    digest = hashlib.sha256(b"abc").hexdigest()
    assert all_of(folder) == [Found(str(folder / "a.txt"), folder / "a.txt", digest, 3, status.st_mtime_ns)]


def test_the_first_file_comes_before_the_last_folder_is_searched(folder: Path) -> None:
    written(folder, "a/1.txt", "b/2.txt")
    finding = discovered([folder], suffixes=SUFFIXES, blobs=folder)
    assert isinstance(next(finding), Found)
    written(folder, "b/3.txt")
    assert names(list(finding), folder) == ["b/2.txt", "b/3.txt"]


def test_a_file_named_itself_is_tried_whatever_its_suffix_and_comes_once(folder: Path) -> None:
    written(folder, ".notes", "a.txt")
    path = folder / ".notes"
    found = all_of(folder, path, folder, path, folder)
    assert names(found, folder) == [".notes", "a.txt"]
    assert [aside for aside in found if isinstance(aside, Aside)] == [
        Aside(str(folder), HIDDEN, 1),
        Aside(str(path), MET),
        Aside(str(folder), MET),
    ]
    assert errors(found) == []


def test_files_of_the_same_content_come_each_under_its_own_name(folder: Path) -> None:
    written(folder, "a.txt", "b.txt", raw=b"same")
    first, second = all_of(folder)
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert first.sha256 == second.sha256


def test_names_that_are_no_text_are_kept_as_they_are(folder: Path) -> None:
    odd = ["line\nbreak.txt", os.fsdecode(b"\xb1\xa8\xb8\xe6.txt"), "年度 报告\u3000一.txt"]
    written(folder, *odd)
    assert sorted(names(all_of(folder), folder)) == sorted(odd)


@pytest.fixture
def deep(folder: Path) -> Iterator[Path]:
    """Folders nested more deeply than calls may be; removed here, since `shutil.rmtree` is recursive."""
    before, depth = Path.cwd(), sys.getrecursionlimit() + 100
    os.chdir(folder)
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    Path("a.txt").write_text("x")
    yield folder
    Path("a.txt").unlink()
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("d")
    os.chdir(before)


def test_folders_nested_more_deeply_than_calls_may_be_are_searched(deep: Path) -> None:
    (found,) = all_of(deep)
    assert isinstance(found, Found)
    assert found.name.endswith("/d/d/a.txt")


# --- patterns


@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        (("*.PDF",), (), ["2024/q1/a.pdf", "b.pdf"]),
        (("2024/",), (), ["2024/q1/a.pdf", "2024/q1/c.txt"]),
        (("2024/**/*.txt", "/b.*"), (), ["2024/q1/c.txt", "b.pdf"]),
        ((), ("q1",), ["Entwurf/d.txt", "b.pdf"]),
        ((), ("entwurf/", "*.pdf"), ["2024/q1/c.txt"]),
        ((), ("*", "!b.pdf"), ["b.pdf"]),
        (("*.pdf",), ("2024/**",), ["b.pdf"]),
        ((), ("/q1/", "?.csv"), ["2024/q1/a.pdf", "2024/q1/c.txt", "Entwurf/d.txt", "b.pdf"]),
    ],
)
def test_patterns_are_those_of_gitignore_without_regard_to_case(
    folder: Path, include: tuple[str, ...], exclude: tuple[str, ...], left: list[str]
) -> None:
    written(folder, "2024/q1/a.pdf", "2024/q1/c.txt", "Entwurf/d.txt", "b.pdf")
    found = all_of(folder, include=include, exclude=exclude)
    assert names(found, folder) == left
    assert not errors(found)


def test_an_excluded_folder_is_not_entered(folder: Path) -> None:
    written(folder, "drafts/a.txt", "drafts/b.txt", "c.txt")
    assert asides(all_of(folder, exclude=("drafts/",)), folder) == {"drafts": EXCLUDED}


def test_patterns_match_names_with_line_breaks(folder: Path) -> None:
    written(folder, "a\nb/c\n.txt")
    assert asides(all_of(folder, exclude=("**/c*.txt",)), folder) == {"a\nb/c\n.txt": EXCLUDED}


def test_a_file_named_itself_can_be_excluded_but_need_not_be_included(folder: Path) -> None:
    written(folder, "a draft.txt", "b.txt")
    found = all_of(folder, folder / "a draft.txt", folder / "b.txt", include=("*.pdf",), exclude=("*draft*",))
    assert found[0] == Aside(str(folder / "a draft.txt"), EXCLUDED)
    assert (names(found, folder), errors(found)) == (["b.txt"], [])


def test_a_pattern_that_is_none_is_told_before_anything_is_searched(folder: Path) -> None:
    with pytest.raises(UsageError, match="a pattern cannot be understood"):
        discovered([folder], suffixes=SUFFIXES, exclude=("\\",), blobs=folder)


# --- links and what is no file


def test_folders_behind_links_are_searched_each_once_and_without_end(tmp_path: Path, folder: Path) -> None:
    written(tmp_path, "outside/a.txt", "in/inner/b.txt")
    for name, target in {"again": folder / "inner", "away": tmp_path / "outside", "loop": folder, "zaway": tmp_path / "outside"}.items():
        (folder / name).symlink_to(target, target_is_directory=True)
    found = all_of(folder)
    assert names(found, folder) == ["away/a.txt", "inner/b.txt"]
    assert asides(found, folder) == {"again": LINK, "loop": MET, "zaway": MET}


def test_of_a_link_and_the_file_beside_it_the_file_stays_unless_it_is_not_wanted(folder: Path) -> None:
    written(folder, "z.txt", "store.bin", ".kept.pdf")
    for name, target in {"a.txt": "z.txt", "b.pdf": "store.bin", "c.pdf": ".kept.pdf"}.items():
        (folder / name).symlink_to(folder / target)
    found = all_of(folder)
    assert names(found, folder) == ["b.pdf", "c.pdf", "z.txt"]
    assert asides(found, folder)["a.txt"] == LINK


def test_two_names_of_one_file_are_given_once_and_said(folder: Path) -> None:
    written(folder, "a.txt")
    os.link(folder / "a.txt", folder / "b.txt")
    found = all_of(folder)
    assert (names(found, folder), asides(found, folder)) == (["a.txt"], {"b.txt": MET})


def test_links_that_lead_nowhere_are_errors_if_their_name_is_wanted(folder: Path) -> None:
    (folder / "gone.txt").symlink_to(folder / "none")
    (folder / "gone.mov").symlink_to(folder / "none")
    (folder / "itself.txt").symlink_to(folder / "itself.txt")
    found = all_of(folder)
    assert [(error.where, error.what) for error in errors(found)] == [
        (str(folder / "gone.txt"), "the link leads nowhere"),
        (str(folder / "itself.txt"), "the file cannot be opened (Too many levels of symbolic links)"),
    ]
    assert list(asides(found, folder)) == ["gone.mov"]


def test_pipes_and_devices_are_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    written(folder, "a.txt")
    found = all_of(folder, folder, folder / "pipe.txt", Path("/dev/null"))
    assert asides(found, folder) == {"pipe.txt": NO_FILE}
    assert [(error.where, error.what) for error in errors(found)] == [(str(folder / "pipe.txt"), NO_FILE), ("/dev/null", NO_FILE)]


@pytest.mark.parametrize("name", ["none", "a.txt/b", "a\0b", "x" * 5000])
def test_a_path_that_cannot_be_is_an_error_beside_the_files(folder: Path, name: str) -> None:
    written(folder, "a.txt")
    error, found = all_of(folder, folder / name, folder)
    assert isinstance(error, InputError)
    assert isinstance(found, Found)
    assert error.where == str(folder / name)
    assert error.remedy


def test_files_and_folders_that_may_not_be_read_are_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder, "closed/a.txt", "b.txt", "c.txt")
    scan, opening = os.scandir, Path.open

    def refuse_folder(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    def refuse_file(path: Path, *arguments: object, **more: object) -> object:
        if path.name == "b.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return opening(path, *arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(walk.os, "scandir", refuse_folder)  # a superuser may read everything
    monkeypatch.setattr(Path, "open", refuse_file)
    found = all_of(folder)
    assert names(found, folder) == ["c.txt"]
    assert [(error.where, error.what) for error in errors(found)] == [
        (str(folder / "b.txt"), "the file may not be read"),
        (str(folder / "closed"), "the file may not be read"),
    ]


def test_a_file_that_changes_while_it_is_read_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder, "a.txt")

    def read_and_change(file: object, kind: str) -> object:
        written(folder, "a.txt", raw=b"longer than before")
        return hashlib.new(kind, b"")

    monkeypatch.setattr(discover.hashlib, "file_digest", read_and_change)
    (error,) = errors(all_of(folder))
    assert (error.what, error.where) == ("the file changed while it was read", str(folder / "a.txt"))


def test_a_file_that_is_gone_when_its_turn_comes_is_an_error(folder: Path) -> None:
    written(folder, "a.txt", "b.txt")
    finding = discovered([folder], suffixes=SUFFIXES, blobs=folder)
    next(finding)
    (folder / "b.txt").unlink()
    (error,) = errors(list(finding))
    assert (error.what, error.where) == ("there is no such file", str(folder / "b.txt"))


def test_folders_without_files_that_are_wanted_are_errors(folder: Path) -> None:
    written(folder, "other/a.mov", "other/.b.txt", "excluded/c.txt")
    (folder / "empty").mkdir()
    remedy = "name a file, or a folder with .txt, .csv, .pdf, .docx files"
    empty, other, excluded = errors(
        all_of(folder, folder / "empty", folder / "other", folder / "excluded", exclude=("c.*",)),
    )
    assert str(empty) == f"{folder / 'empty'}: there are no files\n  next: {remedy}"
    assert str(other) == f"{folder / 'other'}: none of the 2 files there is of a kind that can be read, or wanted\n  next: {remedy}"
    assert excluded.where == str(folder / "excluded")


# --- archives as folders


def archive(path: Path, *members: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in members:
            file.writestr(name, name)
    return path


def test_an_archive_is_searched_as_a_folder_in_its_place(folder: Path) -> None:
    written(folder, "a.txt", "z.txt")
    archive(folder / "m.zip", "sub/b.txt", "c.mov")
    found = all_of(folder)
    assert names(found, folder) == ["a.txt", "m.zip!sub/b.txt", "z.txt"]
    assert asides(found, folder) == {"m.zip!c.mov": ".mov: not of a kind that can be read"}


def test_patterns_see_an_archive_as_a_folder(folder: Path) -> None:
    archive(folder / "m.zip", "drafts/a.txt", "b.txt", "c.csv")
    archive(folder / "old.zip", "d.txt")
    found = all_of(folder, include=("*.txt",), exclude=("m.zip/drafts/", "old.zip"))
    assert names(found, folder) == ["m.zip!b.txt"]
    assert asides(all_of(folder, exclude=("*.zip/",)), folder) == {"m.zip": EXCLUDED, "old.zip": EXCLUDED}


def test_a_file_named_itself_is_known_as_an_archive_by_its_bytes(folder: Path) -> None:
    path = archive(folder / "parcel.dat", "a.txt")
    assert names(all_of(folder, path), folder) == ["parcel.dat!a.txt"]
    named_pdf = archive(folder / "a.pdf", "a.txt")
    assert names(all_of(folder, named_pdf), folder) == ["a.pdf"]


def test_the_folder_of_blobs_is_not_searched(folder: Path) -> None:
    archive(folder / "a.zip", "a.txt")
    for _ in range(2):
        found = list(discovered([folder], suffixes=SUFFIXES, blobs=folder / "stored"))
        assert names(found, folder) == ["a.zip!a.txt"]
    assert asides(found, folder) == {"stored": OURS}


# --- the inbox


@pytest.fixture
def box(folder: Path) -> Inbox:
    return inbox([folder], suffixes=SUFFIXES, blobs=folder.parent / "blobs")


def looks(box: Inbox, *times: float) -> list[list[Finding]]:
    return [list(box.arrived(time)) for time in times]


def given(findings: list[Finding]) -> list[str]:
    return [Path(found.name).name for found in findings if isinstance(found, Found)]


def test_a_file_arrives_once_when_it_stayed_the_same_between_two_looks(folder: Path, box: Inbox) -> None:
    written(folder, "a.txt", "b.pdf")
    first, early, second, third = looks(box, 0, SETTLED / 2, SETTLED, 9)
    assert (first, early, given(second), third) == ([], [], ["a.txt", "b.pdf"], [])


def test_a_file_that_grows_is_waited_for(folder: Path, box: Inbox) -> None:
    for time in range(0, 50, 10):
        written(folder, "a.txt", raw=b"x" * (time + 1))
        assert looks(box, time) == [[]]
        assert box.waiting == 1
    assert [given(look) for look in looks(box, 60)] == [["a.txt"]]
    assert box.waiting == 0


@pytest.mark.parametrize("name", ["a.txt.part", "a.txt.tmp", "a.tmp", ".a.txt.k3j2", "~$a.docx", "a.pdf.crdownload"])
def test_unfinished_files_are_left_until_they_are_renamed(folder: Path, box: Inbox, name: str) -> None:
    written(folder, name)
    assert [given(look) for look in looks(box, 0, 10, 20)] == [[], [], []]
    (folder / name).rename(folder / "a.txt")
    assert [given(look) for look in looks(box, 30, 40)] == [[], ["a.txt"]]


def test_a_file_replaced_by_other_content_arrives_again_and_one_that_was_only_touched_does_not(folder: Path, box: Inbox) -> None:
    written(folder, "a.txt", raw=b"one")
    looks(box, 0, 10)
    os.utime(folder / "a.txt", ns=(5, 5))
    assert looks(box, 20, 30) == [[], []]
    written(folder.parent, "new", raw=b"two")
    os.utime(folder.parent / "new", ns=(5, 5))
    (folder.parent / "new").rename(folder / "a.txt")  # same size, same time
    look, arrived = looks(box, 40, 50)
    assert (look, given(arrived)) == ([], ["a.txt"])


def test_a_folder_that_vanishes_and_comes_back_brings_nothing_twice(folder: Path, box: Inbox) -> None:
    written(folder, "a.txt")
    looks(box, 0, 10)
    folder.rename(folder.parent / "away")
    ((error,),) = looks(box, 20)
    assert isinstance(error, InputError)
    assert looks(box, 30) == [[]]  # said once
    (folder.parent / "away").rename(folder)
    assert looks(box, 40, 50, 60) == [[], [], []]


def test_what_is_left_aside_or_wrong_is_said_once_and_again_when_it_comes_back(folder: Path, box: Inbox) -> None:
    written(folder, "film.mov")
    (folder / "gone.txt").symlink_to(folder / "none")
    first, second = looks(box, 0, 10)
    assert [isinstance(one, Aside) for one in first] == [True, False]
    assert [error.what for error in errors(first)] == ["the link leads nowhere"]
    assert second == []
    (folder / "film.mov").unlink()
    looks(box, 20)
    written(folder, "film.mov")
    assert [type(one) for one in looks(box, 30)[0]] == [Aside]


def test_a_file_that_the_system_does_not_open_is_tried_again_and_said_once(
    folder: Path, box: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder, "a.txt")
    opening = Path.open

    def refuse(path: Path, *arguments: object, **more: object) -> object:
        raise OSError(116, "Stale file handle", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    first, second, third, fourth = looks(box, 0, 10, 11, 20)
    assert (first, third, fourth) == ([], [], [])
    assert [str(error).partition("\n")[0] for error in second] == [f"{folder / 'a.txt'}: the file cannot be opened (Stale file handle)"]
    monkeypatch.setattr(Path, "open", opening)
    assert [given(look) for look in looks(box, 30, 40)] == [["a.txt"], []]


def test_an_archive_arrives_with_its_members(folder: Path, box: Inbox) -> None:
    archive(folder / "m.zip", "a.txt", "b.txt")
    assert [given(look) for look in looks(box, 0, 10, 20)] == [[], ["m.zip!a.txt", "m.zip!b.txt"], []]


def test_an_empty_inbox_is_no_error(box: Inbox) -> None:
    assert looks(box, 0, 10) == [[], []]
