"""What came in while the database was away: lines in one file, in the order in which they came.

All processes of a machine append to the same file, so one order holds for all. A line is on the disk before its sender
is answered. What has been read is not taken out line by line: the file is emptied once all of it was taken in. Whoever
dies before that leaves it whole, and the next one takes all of it in again, which must do no harm.
"""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FILE, ASIDE, LOCK = "kept.jsonl", "set-aside.jsonl", "taking-in"
PRIVATE = 0o600  # the lines hold what staff wrote
AWAY = "away"  # the door of a line that says since when the database is away; it stands first
AT_ONCE = 1 << 16  # bytes that are read at once, about: one or two hundred lines


@dataclass(frozen=True)
class Kept:
    """One thing that came in: by which door, when, and all that this door needs to take it in later."""

    door: str
    at: datetime
    facts: dict[str, Any]


class Spool:
    """The file and its folder, which is made when it is first needed. What writes may raise OSError; for what looks, a
    file that cannot be read is an empty one."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.file = self.folder / FILE

    def append(self, things: Sequence[Kept], away_since: datetime | None = None) -> None:
        """Write the things behind all that is there; returns once they are on the disk.

        `away_since` is noted first if nothing is there yet.
        """
        with self._open() as file:
            with _held(file):
                size = os.fstat(file).st_size
                first = [Kept(AWAY, away_since, {})] if away_since and not size else []
                _write(file, size, b"".join(map(_line, [*first, *things])))
            os.fsync(file)

    def waits(self) -> bool:
        """Is there anything that has not been taken in?"""
        try:
            return self.file.stat().st_size > 0
        except OSError:
            return False

    def count(self) -> int:
        """How many things wait; those that are being taken in just now count until all are."""
        try:
            with self.file.open("rb") as file:
                return sum(not _is_note(line) for line in file)
        except OSError:
            return 0

    def aside(self) -> int:
        """How many lines could not be taken in and wait for a person to look at them."""
        try:
            return (self.folder / ASIDE).read_bytes().count(b"\n")
        except OSError:
            return 0

    @contextmanager
    def taking(self) -> Iterator["Taking | None"]:
        """The right to take in what waits, for one at a time: None while somebody else has it."""
        lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE)
        try:
            yield Taking(self) if _is_ours(lock) else None
        finally:
            os.close(lock)

    @contextmanager
    def _open(self, name: str = FILE) -> Iterator[int]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / name
        is_new = not path.exists()
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            if is_new:
                _sync_folder(self.folder)
            yield file
        finally:
            os.close(file)


class Taking:
    """Reads the file from its beginning, while others go on appending."""

    def __init__(self, spool: Spool):
        self.spool, self._at = spool, 0

    def next(self) -> list[tuple[Kept | None, bytes]]:
        """The next whole lines, each with what it says: None if that cannot be read. Nothing at the end."""
        with self.spool.file.open("rb") as file:
            file.seek(self._at)
            lines = [line for line in file.readlines(AT_ONCE) if line.endswith(b"\n")]
        self._at += sum(map(len, lines))
        return [(_read(line), line) for line in lines]

    def set_aside(self, line: bytes) -> None:
        """Keep a line that cannot be taken in, for a person to look at."""
        with self.spool._open(ASIDE) as file, _held(file):
            _write(file, os.fstat(file).st_size, line)
            os.fsync(file)

    def empty(self) -> bool:
        """Everything that was read is taken in: empty the file. False if more has come meanwhile."""
        with self.spool._open() as file, _held(file):
            if b"\n" in os.pread(file, os.fstat(file).st_size, self._at):
                return False
            os.ftruncate(file, 0)  # a last half line goes, too: it was never answered
            self._at = 0
            return True


def _is_ours(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


@contextmanager
def _held(file: int) -> Iterator[None]:
    """Keep other processes from writing."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _write(file: int, size: int, lines: bytes) -> None:
    """All of it or nothing. Behind half a line, left by somebody who died while writing, a new line begins."""
    torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
    rest = memoryview(b"\n" + lines if torn else lines)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        os.ftruncate(file, size)
        raise


def _line(thing: Kept) -> bytes:
    """A checksum and JSON, so that half a line is told from a whole one."""
    said = json.dumps([thing.door, thing.at.isoformat(), thing.facts]).encode()
    return b"%08x %s\n" % (zlib.crc32(said), said)


def _is_note(line: bytes) -> bool:
    """Does it only say since when the database is away? Told without taking the line apart: there may be many."""
    return line.partition(b" ")[2].startswith(b'["' + AWAY.encode() + b'"')


def _read(line: bytes) -> Kept | None:
    checksum, _, said = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(said):
        return None
    try:
        door, at, facts = json.loads(said)
        return Kept(door, datetime.fromisoformat(at), facts)
    except (ValueError, TypeError):  # of another version of this program
        return None


def _sync_folder(folder: Path) -> None:
    """A new file's name must survive a power cut, too."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
