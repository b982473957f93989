"""What is kept on disk while the database is away: whole, in order, private, and by as many processes as like."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from bot.inbox import Kept, Spool
from bot.inbox.spool import AWAY
from tests.conftest import START

WRITES_FOR_EVER = """
import sys
from datetime import UTC, datetime
from bot.inbox import Kept, Spool
spool, number = Spool(sys.argv[1]), 0
while True:
    spool.append([Kept("text", datetime.now(UTC), {"number": number, "body": "é" * 2000})])
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "made" / "by itself")


def thing(number: int, body: str = "1") -> Kept:
    return Kept("text", START + timedelta(seconds=number), {"number": number, "body": body})


def everything(spool: Spool) -> list[Kept | None]:
    """What is there; it stays there."""
    with spool.taking() as taking:
        assert taking
        return [it for lines in iter(taking.next, []) for it, _ in lines]


def numbers(spool: Spool) -> list[int]:
    return [it.facts["number"] for it in everything(spool) if it and it.door != AWAY]


def test_it_gives_back_what_was_kept_in_order(spool: Spool) -> None:
    spool.append([thing(1), thing(2, "zwölf\n“beds”\0")])
    spool.append([thing(3)])
    assert everything(spool) == [thing(1), thing(2, "zwölf\n“beds”\0"), thing(3)]
    assert spool.count() == 3


def test_nothing_waits_where_nothing_was_kept(spool: Spool) -> None:
    assert (spool.waits(), spool.count(), spool.aside()) == (False, 0, 0)
    assert not spool.folder.exists(), "looking makes nothing"


def test_since_when_the_database_is_away_stands_first_and_once(spool: Spool) -> None:
    spool.append([thing(1)], START)
    spool.append([thing(2)], START + timedelta(seconds=9))
    assert everything(spool) == [Kept(AWAY, START, {}), thing(1), thing(2)]
    assert spool.count() == 2


def test_nobody_else_may_read_it(spool: Spool) -> None:
    spool.append([thing(1)])
    assert stat.S_IMODE(spool.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700


def test_it_is_empty_once_all_was_taken_in(spool: Spool) -> None:
    spool.append([thing(1)])
    with spool.taking() as taking:
        assert taking and taking.next()
        assert taking.empty()
    assert not spool.waits()
    spool.append([thing(2)])
    assert numbers(spool) == [2]


def test_what_comes_while_it_is_taken_in_is_not_lost(spool: Spool) -> None:
    spool.append([thing(1)])
    with spool.taking() as taking:
        assert taking
        taking.next()
        spool.append([thing(2)])
        assert not taking.empty()
        assert [it for it, _ in taking.next()] == [thing(2)]
        assert taking.empty()
    assert not spool.waits()


def test_what_was_not_emptied_is_there_again(spool: Spool) -> None:
    spool.append([thing(1), thing(2)])
    with spool.taking() as taking:
        assert taking and taking.next()
    assert numbers(spool) == [1, 2]


def test_one_at_a_time_takes_in(spool: Spool) -> None:
    spool.append([thing(1)])
    with spool.taking() as first, Spool(spool.folder).taking() as second:
        assert first
        assert second is None
    with Spool(spool.folder).taking() as third:
        assert third


@pytest.mark.parametrize("cut", [1, 9, 30, -2])
def test_half_a_line_is_left_out_and_the_next_one_is_whole(spool: Spool, cut: int) -> None:
    """Whoever died while writing had not answered."""
    spool.append([thing(1)])
    whole = spool.file.read_bytes()
    spool.file.write_bytes(whole + whole[:cut])
    spool.append([thing(2)])
    assert numbers(spool) == [1, 2]


def test_half_a_line_at_the_end_goes_when_all_else_is_taken_in(spool: Spool) -> None:
    spool.append([thing(1)])
    with spool.file.open("ab") as file:
        file.write(b"0000")
    with spool.taking() as taking:
        assert taking
        assert [it for it, _ in taking.next()] == [thing(1)]
        assert taking.next() == []
        assert taking.empty()
    assert not spool.waits()


def test_a_line_that_was_damaged_is_told_from_a_whole_one(spool: Spool) -> None:
    spool.append([thing(1), thing(2), thing(3)])
    spool.file.write_bytes(spool.file.read_bytes().replace(b'"number": 2', b'"number": 9'))
    assert everything(spool) == [thing(1), None, thing(3)]


def test_a_line_of_another_version_is_not_understood(spool: Spool) -> None:
    import zlib

    said = b'{"door": "text"}'
    spool.append([thing(1)])
    with spool.file.open("ab") as file:
        file.write(b"%08x %s\n" % (zlib.crc32(said), said))
    assert everything(spool) == [thing(1), None]


def test_a_line_that_is_longer_than_what_is_read_at_once(spool: Spool) -> None:
    spool.append([thing(1, "x" * 3_000_000), thing(2)])
    assert numbers(spool) == [1, 2]


def test_what_is_set_aside_is_kept_privately(spool: Spool) -> None:
    spool.append([thing(1)])
    with spool.taking() as taking:
        assert taking
        ((_, line),) = taking.next()
        taking.set_aside(line)
        assert taking.empty()
    assert spool.aside() == 1
    assert stat.S_IMODE((spool.folder / "set-aside.jsonl").stat().st_mode) == 0o600


def test_a_disk_that_takes_nothing_is_an_error_and_leaves_no_half_line(spool: Spool) -> None:
    spool.append([thing(1)])
    before = spool.file.read_bytes()
    full = subprocess.run(
        [sys.executable, "-c", FULL, str(spool.folder), str(len(before) + 20)], capture_output=True, text=True
    )
    assert full.stdout == "OSError\n", full.stderr
    assert spool.file.read_bytes() == before


#: A file may not grow beyond this size: the same as a full disk, in a process of its own
FULL = """
import resource, signal, sys
from datetime import UTC, datetime
from bot.inbox import Kept, Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    Spool(sys.argv[1]).append([Kept("text", datetime.now(UTC), {"body": "x" * 5000})])
except OSError:
    print("OSError")
"""


@pytest.mark.parametrize("folder", ["/dev/null/spool", "/proc/spool"])
def test_a_folder_that_cannot_be_is_an_error_for_who_writes_only(folder: str) -> None:
    spool = Spool(folder)
    with pytest.raises(OSError):
        spool.append([thing(1)])
    assert (spool.waits(), spool.count(), spool.aside()) == (False, 0, 0)


def test_many_processes_write_whole_lines(spool: Spool) -> None:
    with get_context("spawn").Pool(3) as pool:
        pool.starmap(write_many, [(str(spool.folder), start) for start in (0, 100, 200)])
    found = numbers(spool)
    assert sorted(found) == [*range(50), *range(100, 150), *range(200, 250)]
    for start in (0, 100, 200):
        assert [number for number in found if start <= number < start + 50] == list(range(start, start + 50))


def write_many(folder: str, start: int) -> None:
    for number in range(start, start + 50):
        Spool(folder).append([thing(number)])


@pytest.fixture
def writer(spool: Spool) -> Iterator["subprocess.Popen[str]"]:
    """A process that writes without end, and says what it has written."""
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(spool.folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_a_kill_while_writing_loses_nothing_that_was_answered(spool: Spool, writer: "subprocess.Popen[str]") -> None:
    assert writer.stdout
    for _ in range(20):
        writer.stdout.readline()
    writer.kill()
    answered = 20 + len(writer.stdout.read().splitlines())
    with spool.file.open("ab") as file:  # as if the kill had come in the middle of a line
        file.write(b"1234")
    spool.append([thing(999)])
    found = numbers(spool)
    assert found[:answered] == list(range(answered))
    assert found[answered:] in ([999], [answered, 999])
