"""The files of batches in a folder: requests and answers, one a line, and a record of how far each batch has come.

    <wave>.requests.jsonl  what is uploaded; `wave` is a name that no other batch has, made before the endpoint hears of it
    <wave>.json            the `Record`
    <wave>.output.jsonl    the endpoint's answers, as it gave them
    <wave>.errors.jsonl    its failures, as it gave them

Each file is whole or not there. The form of the lines is that of OpenAI's Batch API (guides/batch in its documentation).
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

from structurer import serial
from structurer.atomic import write_text, writing
from structurer.endpoints.dialect import at
from structurer.errors import HaltError

URL: Final = "/v1/chat/completions"
MOST_REQUESTS: Final = 50_000  # in one file, as OpenAI documents it
MOST_BYTES: Final = 200_000_000  # of one file: the "200 MB" that OpenAI documents, by the smaller of its two meanings
LONGEST_LINE: Final = 64 * 2**20  # bytes of one answer
ANSWER_BYTES: Final = 2**20  # that an answer has on average, at most: 10,000 tokens with their log probabilities
MAX_WORDS: Final = 300  # characters of an endpoint's own words
REFUSED: Final = frozenset({400, 413, 422})  # HTTP: the request itself is at fault, and will be tomorrow
SHUT: Final = frozenset({401, 402, 403, 404})  # HTTP: nothing else will be answered either
_SAYS_WHO: Final = re.compile(rb'\{"custom_id": "([0-9a-f]{32})"')
_BREAKS: Final = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}  # ends of lines to some readers; in JSON only within texts


class Status(StrEnum):
    """How a batch ended, and by whom: the last one is said here, of one that the endpoint turned out to know nothing of."""

    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NEVER_CREATED = "never created"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one batch. `where` is the endpoint, `submitted` in seconds since 1970, `status` the endpoint's word (see `ended`);
    the ids are the endpoint's, all but that of the batch name files."""

    wave: str
    where: str
    requests: int
    file_id: str | None = None
    batch_id: str | None = None
    submitted: float = 0.0
    status: str = ""
    output_id: str | None = None
    error_id: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it than is there."""
        return self.status in frozenset(Status)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands: its line starts at `start` and has `length` bytes."""

    file: Path
    start: int
    length: int


class Kind(Enum):
    """What a failure says about asking again."""

    PASSING = "may go well the next time"
    REFUSED = "the request is refused, and will be the next time"
    SHUT = "no other request will be answered either"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer; `words` are one line for a person."""

    kind: Kind
    words: str


@dataclass(slots=True)
class Found:
    """What a batch came to, by custom_id; `strange` counts lines that belong to no request of it or are none."""

    answers: dict[str, Place] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    strange: int = 0


class Folder:
    """The files of all batches of one model. Raises HaltError where a file is damaged, OSError where one cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """For one process alone: two would submit the same requests. A killed one holds nothing."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # requests and replies quote documents
        with (self.path / ".lock").open("wb") as lock:
            if not _locked(lock):
                remedy = "wait until it has ended, or choose another --out"
                raise HaltError("another run is at work with these batches", where=str(self.path), remedy=remedy)
            yield

    def sweep(self) -> None:
        """Remove what a killed process was about to write: files half written, requests without a record."""
        for file in self.path.glob(".*.tmp"):
            file.unlink(missing_ok=True)
        for file in self.path.glob("*.requests.jsonl"):
            if not self._record(file.name.split(".")[0]).exists():
                file.unlink()

    def records(self) -> list[Record]:
        """All batches, the oldest first."""
        return [_read(file) for file in sorted(self.path.glob("*.json"))]

    def begin(self, where: str, lines: Sequence[bytes]) -> Record:
        """A new batch of these lines, written down before anybody hears of it."""
        number = 1 + max((int(file.name.split("-")[0]) for file in self.path.glob("[0-9]*-*.json")), default=0)
        record = Record(f"{number:04}-{secrets.token_hex(8)}", where, len(lines))
        with writing(self.requests(record)) as file:
            for line in lines:
                file.write(line.decode())
        self.note(record)
        return record

    def note(self, record: Record) -> Record:
        """Write down how far a batch has come."""
        write_text(self._record(record.wave), serial.dump(serial.to_json(record)))
        return record

    def requests(self, record: Record) -> Path:
        """The file that is uploaded."""
        return self.path / f"{record.wave}.requests.jsonl"

    def remedy(self, record: Record) -> str:
        """The command after which a batch is forgotten, and its requests are asked again."""
        file = shlex.quote(str(self._record(record.wave)))
        return f"rm {file}, then the same command with --resume: its requests are asked, and paid for, again"

    def results(self, record: Record) -> dict[Path, str]:
        """The files that hold what a batch came to, with their ids at the endpoint."""
        ids = {"output": record.output_id, "errors": record.error_id}
        return {self.path / f"{record.wave}.{name}.jsonl": id_ for name, id_ in ids.items() if id_ is not None}

    def asked(self, record: Record) -> list[str]:
        """The custom_ids of a batch, in their order."""
        with self.requests(record).open("rb") as file:
            ids = [match[1].decode() if (match := _SAYS_WHO.match(line)) else "" for line in file]
        if "" in ids or len(ids) != record.requests:
            raise HaltError("damaged file of requests", where=str(self.requests(record)), remedy=self.remedy(record))
        return ids

    def _record(self, wave: str) -> Path:
        return self.path / f"{wave}.json"


def custom_id(where: str, body: bytes, key: str) -> str:
    """The name of a request in its batch: 32 hex digits of the SHA-256 of endpoint, body (which holds the model's name) and `Request.key`
    (which tells samples apart that differ in a seed that the body may not hold)."""
    return hashlib.sha256(json.dumps([where, URL, key]).encode() + b"\n" + body).hexdigest()[:32]


def line_of(name: str, body: bytes) -> bytes:
    """A request as a line of the file that is uploaded."""
    text = body.decode()
    for character, escape in _BREAKS.items():
        text = text.replace(character, escape)
    return f'{{"custom_id": "{name}", "method": "POST", "url": "{URL}", "body": {text}}}\n'.encode()


def found_in(files: Collection[Path], asked: Collection[str]) -> Found:
    """What the files of a batch say of the requests that it was asked. The first answer to a request counts, a failure only without one."""
    found, names = Found(), frozenset(asked)
    for file in files:
        for start, line in _lines(file):
            tree = _tree(line)
            name = at(tree, "custom_id")
            if not isinstance(name, str) or name not in names:
                found.strange += 1
            elif (failure := _failure(tree)) is None:
                found.answers.setdefault(name, Place(file, start, len(line)))
            else:
                found.failures.setdefault(name, failure)
    found.failures = {name: failure for name, failure in found.failures.items() if name not in found.answers}
    return found


def answer_at(place: Place, name: str) -> Any:
    """The chat completion of an answer that was found there. Raises HaltError where the file has been changed since."""
    with place.file.open("rb") as file:
        file.seek(place.start)
        tree = _tree(file.read(place.length))
    if at(tree, "custom_id") != name or _failure(tree) is not None:
        remedy = f"rm {shlex.quote(str(place.file))}, then the same command with --resume: it is fetched again"
        raise HaltError("this file of answers has been changed", where=str(place.file), remedy=remedy)
    return tree["response"]["body"]


def most_bytes(requests: int) -> int:
    """What the answers to so many requests have together, at most."""
    return LONGEST_LINE + requests * ANSWER_BYTES


def one_line(text: str) -> str:
    """An endpoint's words, printable and cut to length."""
    return " ".join("".join(character if character.isprintable() else " " for character in text[: 4 * MAX_WORDS]).split())[:MAX_WORDS]


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with where they start. One that is too long is cut, and so is no JSON."""
    with file.open("rb") as out:
        start = 0
        while line := out.readline(LONGEST_LINE):
            length = len(line)
            while not line.endswith(b"\n") and (rest := out.readline(LONGEST_LINE)):
                length += len(rest)
                line = b"too long\n" if rest.endswith(b"\n") else b"too long"
            if line.strip():
                yield start, line
            start += length


def _tree(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _failure(tree: Any) -> Failure | None:
    """Why a line is no answer; None if it is one."""
    status, body = at(tree, "response", "status_code"), at(tree, "response", "body")
    error = at(body, "error") or at(tree, "error")
    if status == 200 and not error:
        return None if isinstance(at(body, "choices", 0, "message"), dict) else Failure(Kind.PASSING, "no chat completion")
    status = status if isinstance(status, int) and 100 <= status < 600 else 0
    said = next((word for word in (at(error, "message"), at(error, "code"), error) if isinstance(word, str) and word), "")
    parts = (f"HTTP {status}" if status not in (0, 200) else "", one_line(said))
    return Failure(_kind(status, at(error, "code")), ": ".join(part for part in parts if part) or "an error without words")


def _kind(status: int, code: Any) -> Kind:
    if status in SHUT or code == "insufficient_quota":
        return Kind.SHUT
    return Kind.REFUSED if status in REFUSED else Kind.PASSING


def _read(file: Path) -> Record:
    try:
        record = serial.from_json(Record, json.loads(file.read_bytes()))
    except (ValueError, ArithmeticError, RecursionError) as error:
        remedy = f"see at the endpoint whether there is a batch of this wave; if not: rm {shlex.quote(str(file))}"
        raise HaltError(f"damaged record of a batch ({error})", where=str(file), remedy=remedy) from None
    if f"{record.wave}.json" != file.name:
        raise HaltError("the record of another batch", where=str(file), remedy=f"rm {shlex.quote(str(file))}")
    return record


def _locked(file: BinaryIO) -> bool:
    """Whether the lock is ours now; platforms without such locks (Windows) have it always."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
