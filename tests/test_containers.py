"""Members of archives: what is given of honest ones, of broken ones, and of those that were made to do harm."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structurer.errors import InputError
from structurer.finding import blobs, containers, inflate, tars, zipentries
from structurer.finding.discover import Aside, Found, discovered
from structurer.finding.found import HIDDEN

SUFFIXES = (".txt", ".csv", ".pdf", ".docx")
Finding = Found | Aside | InputError
Members = dict[str, bytes]
TEXT = "项目支出绩效自评表\n".encode()


def findings(path: Path, raw: bytes | None = None) -> list[Finding]:
    if raw is not None:
        path.write_bytes(raw)
    return list(discovered([path], suffixes=SUFFIXES, blobs=path.parent / "blobs"))


def contents(found: list[Finding]) -> Members:
    """What was given, by the name in the archive; each blob is what its name says."""
    for one in found:
        if isinstance(one, Found):
            raw = one.path.read_bytes()
            assert (one.sha256, one.size) == (hashlib.sha256(raw).hexdigest(), len(raw))
    return {one.name.partition("!")[2]: one.path.read_bytes() for one in found if isinstance(one, Found)}


def errors(found: list[Finding]) -> list[tuple[str, str]]:
    """Where, in the archive, and what."""
    return [(one.where.partition("!")[2], one.what) for one in found if isinstance(one, InputError)]


def asides(found: list[Finding]) -> Members:
    return {one.name.partition("!")[2]: one.reason for one in found if isinstance(one, Aside)}


def zipped(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, raw in members.items():
            file.writestr(name, raw)
    return out.getvalue()


def tarred(members: Members, form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as file:
        for name, raw in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            file.addfile(info, io.BytesIO(raw))
    return out.getvalue()


class Unseekable(io.RawIOBase):
    """Written to by programs that cannot go back, and so state sizes behind the bytes."""

    def __init__(self) -> None:
        self.raw = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, raw: bytes) -> int:  # type: ignore[override]
        self.raw += raw
        return len(raw)


def streamed(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = Unseekable()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, raw in members.items():
            file.writestr(name, raw)
    return bytes(out.raw)


def raw_zip(members: Iterable[tuple[bytes, int, bytes, bytes]]) -> bytes:
    """Names as bytes, flags, extra fields of the directory and contents, all stored."""
    body, directory = b"", b""
    for name, flags, extra, raw in members:
        numbers = zlib.crc32(raw), len(raw), len(raw)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, flags, 0, 0, 33, *numbers, len(name), len(extra), 0, 0, 0, 0, len(body))
        directory += name + extra
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, 0, 0, 33, *numbers, len(name), 0) + name + raw
    count = (directory.count(b"PK\1\2")) & 0xFFFF
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)


PACKED: dict[str, Callable[[Members], bytes]] = {
    "a.zip": zipped,
    "stored.zip": lambda members: zipped(members, zipfile.ZIP_STORED),
    "bzip2.zip": lambda members: zipped(members, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda members: zipped(members, zipfile.ZIP_LZMA),
    "streamed.zip": streamed,
    "a.tar": tarred,
    "gnu.tar": lambda members: tarred(members, tarfile.GNU_FORMAT),
    "ustar.tar": lambda members: tarred(members, tarfile.USTAR_FORMAT),
    "a.tar.gz": lambda members: gzip.compress(tarred(members)),
    "a.tgz": lambda members: gzip.compress(tarred(members)),
    "a.tar.bz2": lambda members: bz2.compress(tarred(members)),
    "a.tar.xz": lambda members: lzma.compress(tarred(members)),
}
PLAIN = {"b.txt": TEXT, "folder/a.csv": b"1,2\n" * 50_000, "empty.txt": b"", "large.pdf": bytes(range(256)) * 10_000}


# --- honest archives


@pytest.mark.parametrize("name", PACKED)
def test_members_are_given_in_the_order_of_the_archive(tmp_path: Path, name: str) -> None:
    found = findings(tmp_path / name, PACKED[name](PLAIN))
    assert list(contents(found).items()) == list(PLAIN.items())
    assert len(found) == len(PLAIN)
    assert {one.path.suffix for one in found if isinstance(one, Found)} == {".txt", ".csv", ".pdf"}


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.bz2", "a.csv.xz"])
def test_a_compressed_file_is_an_archive_of_one(tmp_path: Path, name: str) -> None:
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[name[-3:].lstrip(".")]
    assert contents(findings(tmp_path / name, pack(b"1,2\n" * 9) + pack(b"3,4\n"))) == {"a.csv": b"1,2\n" * 9 + b"3,4\n"}
    assert contents(findings(tmp_path / name, pack(b"1") + bytes(512))) == {"a.csv": b"1"}  # as on a tape


def test_directories_and_what_systems_write_beside_files_are_left_aside(tmp_path: Path) -> None:
    names = ("a.txt", "empty/", "__MACOSX/._a.txt", ".DS_Store", "sub/Thumbs.db", "sub/~$b.docx", "film.mov")
    found = findings(tmp_path / "a.zip", zipped(dict.fromkeys(names, b"")))
    assert list(contents(found)) == ["a.txt"]
    assert asides(found) == {"film.mov": ".mov: not of a kind that can be read", "": HIDDEN}
    assert found[-1] == Aside(str(tmp_path / "a.zip"), HIDDEN, 4)


def test_members_of_one_name_are_both_given(tmp_path: Path) -> None:
    members = [(name, 0, b"", raw) for name, raw in ((b"a.txt", b"1"), (b"a (2).txt", b"2"), (b"a.txt", b"3"), (b"/a.txt", b"4"))]
    found = findings(tmp_path / "a.zip", raw_zip(members))
    assert contents(found) == {"a.txt": b"1", "a (2).txt": b"2", "a (3).txt": b"3", "a (4).txt": b"4"}


def test_archives_in_archives_are_opened_up_to_a_depth(tmp_path: Path) -> None:
    raw = zipped({"deep.txt": b"deep"})
    for depth in range(containers.MOST_NESTED - 1):
        raw = zipped({f"{depth}.zip": raw, f"{depth}.txt": str(depth).encode()})
    assert contents(findings(tmp_path / "a.zip", raw)) == {
        "2.zip!1.zip!0.zip!deep.txt": b"deep",
        "2.zip!1.zip!0.txt": b"0",
        "2.zip!1.txt": b"1",
        "2.txt": b"2",
    }
    found = findings(tmp_path / "b.zip", zipped({"3.zip": raw, "c.txt": b"c"}))
    assert errors(found) == [("3.zip!2.zip!1.zip!0.zip", "more than 4 archives are in each other")]
    assert list(contents(found)) == ["3.zip!2.zip!1.zip!0.txt", "3.zip!2.zip!1.txt", "3.zip!2.txt", "c.txt"]
    mixed = tarred({"a.txt.gz": gzip.compress(b"x"), "b.tgz": gzip.compress(tarred({"c.txt": b"y"}))})
    assert contents(findings(tmp_path / "m.tar", mixed)) == {"a.txt.gz!a.txt": b"x", "b.tgz!c.txt": b"y"}


def test_an_office_file_is_a_document_whatever_its_suffix(tmp_path: Path) -> None:
    office = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>", "a.txt": b"x"})
    assert contents(findings(tmp_path / "a.zip", zipped({"b.docx": office, "renamed.zip": office}))) == {
        "b.docx": office,
        "renamed.zip": office,
    }
    (named,) = findings(tmp_path / "report.zip", office)
    assert isinstance(named, Found)
    assert named.path == tmp_path / "report.zip"
    (ofd,) = findings(tmp_path / "report.ofd", zipped({"OFD.xml": b"<ofd/>", "Doc_0/a.txt": b"x"}))
    assert isinstance(ofd, Found)


def test_a_blob_is_written_once(tmp_path: Path) -> None:
    raw = zipped({"a.txt": TEXT, "b.txt": TEXT})
    (first, second), blob = findings(tmp_path / "a.zip", raw), tmp_path / "blobs" / hashlib.sha256(TEXT).hexdigest()[:2]
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert first.path == second.path == blob / f"{first.sha256}.txt"
    before = first.path.stat()
    findings(tmp_path / "a.zip", raw)
    assert (first.path.stat().st_mtime_ns, first.path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert [path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == [first.path.name]


def test_a_zip_behind_a_program_and_with_a_comment_is_read(tmp_path: Path) -> None:
    out = io.BytesIO(b"MZ" + bytes(1000))
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("a.txt", TEXT)
        file.comment = b"see PK\x05\x06 " + bytes(40)
    found = findings(tmp_path / "a.zip", out.getvalue())
    assert contents(found) == {"a.txt": TEXT}
    shifted = zipped({"a.txt": TEXT})
    assert contents(findings(tmp_path / "b.zip", b"x" * 77 + shifted)) == {"a.txt": TEXT}


def test_zip64_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.txt", "w", force_zip64=True) as member:
        member.write(TEXT)
    assert contents(findings(tmp_path / "a.zip", out.getvalue())) == {"a.txt": TEXT}
    plain = raw_zip([(b"a.txt", 0, struct.pack("<HHQQQ", 1, 24, len(TEXT), len(TEXT), 0), TEXT)])
    at = plain.index(b"PK\1\2")
    full = plain[: at + 20] + b"\xff" * 8 + plain[at + 28 : at + 42] + b"\xff" * 4 + plain[at + 46 :]
    end = full.index(b"PK\5\6")
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, end - at, at) + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    for before in (b"", b"MZ" * 100):
        raw = before + full[:end] + large + struct.pack("<4s4H2LH", b"PK\5\6", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        assert contents(findings(tmp_path / "b.zip", raw)) == {"a.txt": TEXT}


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        ("预算执行情况.txt".encode("gbk"), 0, "预算执行情况.txt"),
        ("朱镕.txt".encode("gb18030"), 0, "朱镕.txt"),
        ("预算执行情况.txt".encode(), 0, "预算执行情况.txt"),
        ("预算执行情况.txt".encode(), 1 << 11, "预算执行情况.txt"),
        ("预算.txt".encode("gbk"), 1 << 11, "预算.txt"),  # the flag lies
        ("Prüfung für é.txt".encode("cp437"), 0, "Prüfung für é.txt"),
        (b"\xff\xfe.txt", 0, "\xa0■.txt"),
        (b"a\\b\\c.txt", 0, "a/b/c.txt"),
    ],
)
def test_names_are_read_in_the_encoding_that_they_are_of(tmp_path: Path, raw: bytes, flags: int, name: str) -> None:
    assert contents(findings(tmp_path / "a.zip", raw_zip([(raw, flags, b"", TEXT)]))) == {name: TEXT}


def test_the_unicode_path_field_counts_if_it_belongs_to_the_name(tmp_path: Path) -> None:
    plain, name = b"????.txt", "决算说明.txt"
    for crc, shown in ((zlib.crc32(plain), name), (0, "????.txt")):
        field = struct.pack("<BL", 1, crc) + name.encode()
        raw = raw_zip([(plain, 0, struct.pack("<HH", 0x7075, len(field)) + field, TEXT)])
        assert contents(findings(tmp_path / "a.zip", raw)) == {shown: TEXT}
    torn = raw_zip([(plain, 0, struct.pack("<HH", 0x7075, 60_000) + b"\1", TEXT)])
    assert contents(findings(tmp_path / "a.zip", torn)) == {"????.txt": TEXT}


def test_long_and_chinese_names_of_tar_files_are_whole(tmp_path: Path) -> None:
    name = "年度/" * 60 + "绩效报告.txt"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        assert contents(findings(tmp_path / "a.tar", tarred({name: TEXT, "b.txt": b"b"}, form))) == {name: TEXT, "b.txt": b"b"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT, encoding="gbk") as file:
        file.addfile(tarfile.TarInfo("绩效.txt"))
    assert contents(findings(tmp_path / "a.tar", out.getvalue())) == {"绩效.txt": b""}


def test_links_devices_and_sparse_members_of_a_tar_are_said_and_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"Z")
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(f"{number}.txt")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("hole.txt")
        info.size, info.pax_headers = 512, {"GNU.sparse.major": "1", "GNU.sparse.name": "holes.txt", "GNU.sparse.realsize": "9" * 15}
        file.addfile(info, io.BytesIO(bytes(512)))
        last = tarfile.TarInfo("z.txt")
        last.size = 1
        file.addfile(last, io.BytesIO(b"z"))
    found = findings(tmp_path / "a.tar", out.getvalue())
    assert contents(found) == {"z.txt": b"z"}
    said = asides(found)
    assert list(said) == ["0.txt", "1.txt", "2.txt", "3.txt", "5.txt", "holes.txt"]
    assert said["0.txt"].startswith("a link")
    assert (said["2.txt"], said["3.txt"], said["5.txt"]) == ("a device", "a pipe", "a member of a kind that is not known (b'Z')")
    assert "sparse" in said["holes.txt"]


def test_links_in_a_zip_are_said_and_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        link = zipfile.ZipInfo("a.txt")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("b.txt", "b")
    found = findings(tmp_path / "a.zip", out.getvalue())
    assert contents(found) == {"b.txt": b"b"}
    assert asides(found)["a.txt"].startswith("a link")


@pytest.mark.skipif(not shutil.which("tar"), reason="needs a tar program")
@pytest.mark.parametrize("form", ["gnu", "oldgnu", "pax", "ustar", "v7"])
def test_what_another_program_packs_is_read(tmp_path: Path, form: str) -> None:
    (folder := tmp_path / "报告").mkdir()
    (folder / "1 一.txt").write_bytes(TEXT)
    with (folder / "z.txt").open("wb") as file:
        for place in range(0, 3 << 20, 1 << 16):  # so many holes that their list takes more than one header
            file.seek(place)
            file.write(b"x")
    (folder / "zz.txt").write_bytes(b"last")
    holes = ["--sparse"] if form in ("gnu", "oldgnu", "pax") else []
    subprocess.run(["tar", *holes, "--sort=name", f"--format={form}", "-cf", tmp_path / "a.tar", "-C", tmp_path, "报告"], check=True)
    found = findings(tmp_path / "a.tar")
    assert list(contents(found)) == ["报告/1 一.txt", *([] if holes else ["报告/z.txt"]), "报告/zz.txt"]
    assert list(asides(found)) == (["报告/z.txt"] if holes else [])
    assert not errors(found)


@pytest.mark.skipif(not shutil.which("zip"), reason="needs a zip program")
def test_a_zip_that_another_program_locks_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(TEXT * 100)
    subprocess.run(["zip", "-q", "-P", "secret", "a.zip", "b.txt"], cwd=tmp_path, check=True)
    assert errors(findings(tmp_path / "a.zip")) == [
        ("b.txt", "it is locked with a password"),
    ]


# --- what cannot be read


@pytest.mark.parametrize("name", ["a.7z", "a.rar", "a.zip", "a.dat"])
def test_7z_and_rar_are_said_as_not_opened(tmp_path: Path, name: str) -> None:
    (error,) = findings(tmp_path / name, b"Rar!\x1a\x07\x01\x00" if "7z" not in name else b"7z\xbc\xaf\x27\x1c")
    assert isinstance(error, InputError)
    assert error.what == f"archives of this kind are not opened ({'7z' if '7z' in name else 'rar'})"
    assert error.remedy == "unpack it yourself and name the folder, or pack it again as zip"
    found = findings(tmp_path / "b.zip", zipped({f"x/{name}": b"Rar!\x1a\x07\x01\x00"}))
    assert [where for where, _ in errors(found)][:1] == ([f"x/{name}"] if name != "a.dat" else [""])


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.gz", "a.txz"])
def test_what_is_named_as_an_archive_and_is_none_is_an_error(tmp_path: Path, name: str) -> None:
    for raw in (b"", b"<html>Error 404</html>", bytes(2000)):
        assert errors(findings(tmp_path / name, raw)) == [("", f"the file is named .{name[2:]} but is no such archive")]


def test_the_suffix_of_another_kind_of_archive_does_no_harm(tmp_path: Path) -> None:
    assert contents(findings(tmp_path / "a.gz", zipped({"a.txt": TEXT}))) == {"a.txt": TEXT}
    assert contents(findings(tmp_path / "a.zip", gzip.compress(tarred({"a.txt": TEXT})))) == {"a.txt": TEXT}


def test_locked_members_and_unknown_methods_are_errors_beside_the_others(tmp_path: Path) -> None:
    raw = bytearray(
        raw_zip([(b"locked.txt", 1, b"", b"?"), (b"zstd.txt", 0, b"", b"?"), (b"aes.txt", 1, b"", b"?"), (b"ok.txt", 0, b"", b"!")])
    )
    for name, method in ((b"zstd.txt", 93), (b"aes.txt", 99)):
        struct.pack_into("<H", raw, raw.rindex(name) - 46 + 10, method)
    found = findings(tmp_path / "a.zip", bytes(raw))
    assert contents(found) == {"ok.txt": b"!"}
    assert errors(found) == [
        ("locked.txt", "it is locked with a password"),
        ("zstd.txt", "it is packed by a method that cannot be read (Zstandard)"),
        ("aes.txt", "it is locked with a password"),
    ]
    assert all(error.remedy for error in found if isinstance(error, InputError))


def test_one_part_of_an_archive_in_several_is_told(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.txt": TEXT}))
    struct.pack_into("<HH", raw, raw.rindex(b"PK\5\6") + 4, 3, 3)
    assert errors(findings(tmp_path / "a.zip", bytes(raw))) == [("", "it is one part of an archive in several")]


# --- broken archives


@pytest.mark.parametrize("pack", [zipped, streamed])
def test_a_zip_without_its_end_gives_the_members_that_are_whole(tmp_path: Path, pack: Callable[[Members], bytes]) -> None:
    raw = pack({"a.txt": TEXT, "sub/b.txt": b"b" * 9000, "c.pdf": bytes(range(256)) * 100})
    found = findings(tmp_path / "a.zip", raw[: raw.index(b"c.pdf") + 200])
    assert contents(found) == {"a.txt": TEXT, "sub/b.txt": b"b" * 9000}
    assert [where for where, _ in errors(found)] == ["", "c.pdf"]
    no_directory = findings(tmp_path / "b.zip", raw[: raw.index(b"PK\1\2")])
    assert list(contents(no_directory)) == ["a.txt", "sub/b.txt", "c.pdf"]
    assert len(errors(no_directory)) == 1


def test_a_damaged_directory_gives_the_members_all_the_same(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.txt": TEXT, "b.txt": b"b"}))
    at = raw.rindex(b"PK\1\2")
    raw[at : at + 4] = b"junk"
    found = findings(tmp_path / "a.zip", bytes(raw))
    assert contents(found) == {"a.txt": TEXT, "b.txt": b"b"}
    assert [what.partition(";")[0] for _, what in errors(found)] == ["the archive is damaged: its directory is damaged"]


def test_a_damaged_member_of_a_zip_is_an_error_beside_the_others(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.txt": TEXT * 9, "b.txt": b"b", "c.txt": b"ccc"}, zipfile.ZIP_STORED))
    raw[raw.index(b"ccc")] = 0
    raw[raw.index(b"PK\3\4", 9)] = 0
    found = findings(tmp_path / "a.zip", bytes(raw))
    assert contents(found) == {"a.txt": TEXT * 9}
    assert errors(found) == [
        ("b.txt", "it does not stand where the directory says"),
        ("c.txt", "its bytes are damaged (their checksum is another)"),
    ]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_a_tar_that_ends_early_gives_the_members_that_are_whole(tmp_path: Path, name: str) -> None:
    import random

    noise = random.Random(1).randbytes(300_000)
    raw = PACKED[name]({"a.txt": TEXT, "b.pdf": noise, "c.pdf": noise[::-1]})
    found = findings(tmp_path / name, raw[: len(raw) - 100_000])
    assert contents(found).items() <= {"a.txt": TEXT, "b.pdf": noise}.items()
    assert len(errors(found)) == 1


def test_a_damaged_header_of_a_tar_is_no_end(tmp_path: Path) -> None:
    raw = bytearray(tarred({"a.txt": TEXT, "b.txt": b"b"}))
    raw[raw.index(b"b.txt")] = 0xFF
    found = findings(tmp_path / "a.tar", bytes(raw))
    assert contents(found) == {"a.txt": TEXT}
    assert errors(found) == [("", "the archive is damaged: a header is none (bad checksum)")]


def test_a_file_without_suffix_that_looks_like_a_broken_zip_is_left_to_the_readers(tmp_path: Path) -> None:
    for raw in (zipped({"word/document.xml": TEXT})[:60], b"PK\5\6"):
        (found,) = findings(tmp_path / "report", raw)
        assert isinstance(found, Found)
        assert found.path == tmp_path / "report"


def test_bytes_behind_the_end_of_an_archive_are_said(tmp_path: Path) -> None:
    raw = tarred({"a.txt": TEXT})
    assert errors(findings(tmp_path / "a.tar", raw + tarred({"b.txt": TEXT})))
    assert errors(findings(tmp_path / "a.tar.gz", gzip.compress(raw) + b"junk"))
    assert not errors(findings(tmp_path / "b.tar", raw.rstrip(b"\0")))  # many programs write no mark of the end
    found = findings(tmp_path / "c.gz", gzip.compress(b"x")[:-4])
    assert [what for _, what in errors(found)][:1] == ["its compressed bytes end early"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(PACKED)), place=st.floats(0, 1), junk=st.binary(max_size=20), cut=st.booleans())
def test_an_archive_damaged_anywhere_gives_findings_only(tmp_path: Path, name: str, place: float, junk: bytes, cut: bool) -> None:
    raw = PACKED[name]({"a.txt": TEXT, "b/c.csv": b"1,2\n" * 100, "d.zip": zipped({"e.txt": b"e"})})
    at = int(place * len(raw))
    contents(findings(tmp_path / name, raw[:at] + junk + (b"" if cut else raw[at + len(junk) :])))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["a.zip", "a.tar", "a.gz", "a.dat"]),
    raw=st.binary(max_size=2000),
    mark=st.sampled_from([b"", b"PK\3\4", b"PK\5\6"]),
)
def test_any_bytes_give_findings_only(tmp_path: Path, name: str, raw: bytes, mark: bytes) -> None:
    findings(tmp_path / name, mark + raw)


# --- archives that were made to do harm


@pytest.mark.parametrize(
    "name", ["../../up.txt", "/etc/root.txt", "C:\\..\\x.txt", "a\0b.txt", "\n.txt", "x/" * 30_000 + "y.txt", "n" * 60_000 + ".txt"]
)
def test_names_in_an_archive_are_labels_and_nothing_is_written_by_them(tmp_path: Path, name: str) -> None:
    (inside := tmp_path / "deep" / "er").mkdir(parents=True)
    found = findings(inside / "a.zip", raw_zip([(name.encode(), 0, b"", TEXT)]))
    ((shown, raw),) = contents(found).items()
    assert raw == TEXT
    assert len(shown) <= 1000
    assert shown.endswith(".txt")
    assert not shown.startswith("/")
    assert ".." not in shown.split("/")
    assert shown.isprintable()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"a.zip", f"{hashlib.sha256(TEXT).hexdigest()}.txt"}


def test_a_member_of_a_tar_is_not_written_through_a_link(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        link = tarfile.TarInfo("sub.txt")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "target")
        file.addfile(link)
        info = tarfile.TarInfo("sub.txt/../../target.txt")
        info.size = 1
        file.addfile(info, io.BytesIO(b"x"))
    assert list(contents(findings(tmp_path / "a.tar", out.getvalue()))) == ["sub.txt/target.txt"]
    assert not (tmp_path / "target").exists()


def bomb(size: int) -> bytes:
    """A zip of which one member unpacks to so many zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("before.txt", b"before")
        with file.open("zeros.txt", "w", force_zip64=True) as member:
            for _ in range(size >> 20):
                member.write(bytes(1 << 20))
        file.writestr("after.txt", b"after")
    return out.getvalue()


EXHAUSTED = "it unpacks to more than {:,} bytes, and the rest was not read"


def test_an_archive_that_unpacks_to_too_much_ends_with_an_error_and_what_came_before_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "FREE_GROWTH", 5_000_000)
    found = findings(tmp_path / "a.zip", bomb(50 << 20))
    most = max(5_000_000, 200 * (tmp_path / "a.zip").stat().st_size)
    assert contents(found) == {"before.txt": b"before"}
    assert errors(found) == [("", EXHAUSTED.format(most))]
    assert not list((tmp_path / "blobs").glob(".*"))


def test_what_archives_in_an_archive_unpack_to_is_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "FREE_GROWTH", 5_000_000)
    inner = zipped({f"{number}.txt": bytes(1_000_000) for number in range(3)})
    raw = zipped({f"{number}.zip": inner for number in range(9)}, zipfile.ZIP_STORED)
    found = findings(tmp_path / "a.zip", raw)
    most = max(5_000_000, 200 * len(raw))
    assert len(contents(found)) == most // 1_000_000
    assert errors(found) == [("", EXHAUSTED.format(most))]


def test_a_member_of_too_many_bytes_is_an_error_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "MOST_MEMBER_BYTES", 1000)
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        found = findings(tmp_path / name, PACKED[name]({"a.txt": b"a", "b.txt": bytes(1001), "c.txt": bytes(1000)}))
        assert list(contents(found)) == ["a.txt", "c.txt"]
        assert errors(found) == [("b.txt", "it unpacks to more than the 1,000 bytes that a file may have")]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_of_too_many_members_ends_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable) -> None:
    monkeypatch.setattr(containers, "MOST_MEMBERS", 5)
    name = "a.zip" if pack is zipped else "a.tar"
    found = findings(tmp_path / name, pack({f"{number}.txt": b"" for number in range(9)}))
    assert len(contents(found)) == 5
    assert errors(found) == [("", "it has more than 5 members, and the rest was not read")]


def test_members_that_share_bytes_are_refused_together(tmp_path: Path) -> None:
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(100_000)) + kernel.flush()
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, zlib.crc32(bytes(100_000)), len(packed), 100_000, 5, 0) + b"a.txt"
    directory = b""
    for number in range(50):
        numbers = zlib.crc32(bytes(100_000)), len(packed), 100_000, 6, 0, 0, 0, 0, 0, 0
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, *numbers) + f"{number:02}.txt".encode()
    body = head + packed
    raw = body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 50, 50, len(directory), len(body), 0)
    found = findings(tmp_path / "a.zip", raw)
    assert errors(found) == [("", "its members share bytes, by which few of them become very many")]
    assert contents(found) == {}


def test_a_zip_that_contains_itself_is_opened_to_a_depth_only(tmp_path: Path) -> None:
    raw = zipped({"a.txt": b"x"})
    for _ in range(12):
        raw = zipped({"r.zip": raw, "s.zip": raw})
    found = findings(tmp_path / "a.zip", raw)
    assert {what for _, what in errors(found)} == {"more than 4 archives are in each other"}
    assert len(found) <= 2**5


def test_declared_sizes_are_not_believed(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.txt": bytes(100_000), "b.txt": b"b"}))
    at = raw.index(b"PK\1\2")
    for size in (0, 5, 2**32 - 2):
        struct.pack_into("<L", raw, at + 24, size)
        found = findings(tmp_path / "a.zip", bytes(raw))
        assert contents(found) == {"b.txt": b"b"}
        assert errors(found) == [("a.txt", f"it unpacks to 100,000 bytes, and the archive says {size:,}")]


def test_a_directory_that_lies_of_its_length_or_place_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = zipped({"a.txt": TEXT})
    end = plain.rindex(b"PK\5\6")
    for size, offset in ((2**32 - 2, 0), (0, 2**32 - 2), (60, 0), (10**6, 10**6)):
        raw = bytearray(plain)
        struct.pack_into("<LL", raw, end + 12, size, offset)
        found = findings(tmp_path / "a.zip", bytes(raw))
        assert contents(found) in ({"a.txt": TEXT}, {})
        assert errors(found)
    monkeypatch.setattr(zipentries, "MOST_DIRECTORY", 40)
    assert errors(findings(tmp_path / "a.zip", plain)) == [("", "its directory has 51 bytes, more than the 40 that it may have")]


@pytest.mark.parametrize("place", [2**63, 2**64 - 1])
def test_places_behind_the_end_of_all_files_are_errors(tmp_path: Path, place: int) -> None:
    large = struct.pack("<HHQQQ", 1, 24, 1, place, place)
    raw = bytearray(raw_zip([(b"a.txt", 0, large, b"a"), (b"b.txt", 0, b"", b"b")]))
    at = raw.index(b"PK\1\2")
    raw[at + 20 : at + 28], raw[at + 42 : at + 46] = b"\xff" * 8, b"\xff" * 4
    found = findings(tmp_path / "a.zip", bytes(raw))
    assert contents(found) == {"b.txt": b"b"}
    assert errors(found) == [("a.txt", "it does not stand where the directory says")]
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 2**32 - 1, 2**32 - 1, 5, 20) + b"c.txt" + large[:20]
    assert [where for where, _ in errors(findings(tmp_path / "b.zip", local))] == ["", "c.txt"]


def test_a_tar_whose_names_are_too_long_is_not_held(tmp_path: Path) -> None:
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, 1 << 40
        found = findings(tmp_path / "a.tar", tarred({"a.txt": TEXT})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(9999))
        assert contents(found) == {"a.txt": TEXT}
        assert [what[:38] for _, what in errors(found)] == ["the archive is damaged: it has a name "[:38]]


@pytest.mark.parametrize("size", [-1, -(1 << 40), 1 << 60])
def test_a_tar_of_absurd_sizes_ends_with_an_error(tmp_path: Path, size: int) -> None:
    info = tarfile.TarInfo("b.txt")
    info.size = size
    found = findings(tmp_path / "a.tar", tarred({"a.txt": TEXT})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert contents(found) == {"a.txt": TEXT}
    assert len(errors(found)) == 1


@pytest.mark.parametrize("name", ["a.zip", "a.txt.gz", "a.txt.bz2", "a.txt.xz", "bzip2.zip", "lzma.zip", "a.tar.bz2"])
def test_memory_stays_small_whatever_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(containers, "FREE_GROWTH", 50_000_000)
    zeros = {"a.txt": bytes(60_000_000)}
    single = {"a.txt.gz": gzip.compress, "a.txt.bz2": bz2.compress, "a.txt.xz": lzma.compress}
    (tmp_path / name).write_bytes(single[name](zeros["a.txt"]) if name in single else PACKED[name](zeros))
    del zeros
    tracemalloc.start()
    found = findings(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [what[:9] for _, what in errors(found)] == ["it unpack"]
    assert peak < 20_000_000
    assert contents(found) == {}


def test_xz_that_asks_for_much_memory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "MOST_DICTIONARY", 1_000_000)
    found = findings(tmp_path / "a.txt.xz", lzma.compress(TEXT))
    assert errors(found)[0] == ("", "its compressed bytes cannot be unpacked (Memory usage limit exceeded)")


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(blobs.os, "replace", full)
    found = findings(tmp_path / "a.zip", zipped({"a.txt": TEXT}))
    assert errors(found)[0] == ("a.txt", "it cannot be stored (No space left on device)")
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_a_blob_that_is_torn_is_written_again(tmp_path: Path) -> None:
    raw = zipped({"a.txt": TEXT})
    (found,) = findings(tmp_path / "a.zip", raw)
    assert isinstance(found, Found)
    found.path.write_bytes(TEXT[:5])
    assert contents(findings(tmp_path / "a.zip", raw)) == {"a.txt": TEXT}


def test_an_archive_that_changes_while_it_is_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a.txt": TEXT, "b.txt": b"b"}))
    finding = discovered([path], suffixes=SUFFIXES, blobs=tmp_path / "blobs")
    next(finding)
    with path.open("ab") as file:
        file.write(b"more")
    assert [error.what for error in finding if isinstance(error, InputError)] == ["the archive changed while it was read"]


def test_a_tar_is_known_by_its_checksum() -> None:
    assert tars.is_tar(tarred({"a": b""}))
    assert not tars.is_tar(bytes(512))
    assert not tars.is_tar(b"x" * 600)


def test_no_reader_of_documents_is_loaded_to_find_them() -> None:
    heavy = ("pypdfium2", "PIL", "numpy", "lxml", "openai", "structurer.intake.ingest")
    code = f"import sys, structurer.finding.discover; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_was_half_written_when_a_process_died_is_swept_and_what_others_write_stays(tmp_path):
    from structurer.finding import blobs

    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    names = {who: f".{blobs._machine()}.{process}.0.tmp" for who, process in (("dead", ended.stdout.strip()), ("own", os.getpid()))}
    names["elsewhere"] = f".another-{blobs._machine()}.{ended.stdout.strip()}.0.tmp"
    for name in names.values():
        (tmp_path / name).touch()
    blobs.sweep(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {names["own"], names["elsewhere"]}
    blobs.sweep(tmp_path, own=True)
    assert {file.name for file in tmp_path.iterdir()} == {names["elsewhere"]}
