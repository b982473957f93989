"""Transactions: what is committed together, what fails alone, and who waits for whom. On both databases."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from bot import command, journal, outages, playbooks, roster, timers
from bot.clock import MovedClock
from bot.db import Away, Database, Tx
from bot.db.jobs import Job
from bot.inbox import Arrival, accept
from bot.outages import Counter, number
from bot.settings import Settings
from tests.conftest import START

WRITER = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
for number in range(int(sys.argv[2])):
    raw.execute("insert into arrival (source, external_id, at) values ('other', ?, '2026-11-22')", (str(number),))
print("done")
"""
HOLDER = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("begin immediate")
raw.execute("insert into arrival (source, external_id, at) values ('killed', '1', '2026-11-22 04:10:00.000000')")
print("holding", flush=True)
sys.stdin.read()
"""


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Odd(Exception):
    """Raised by the verbs of these tests."""


def arrive(tx: Tx, id: str) -> str:
    assert accept(tx, "test", id)
    return id


def fails(tx: Tx, id: str) -> None:
    arrive(tx, id)
    raise Odd(id)


def arrivals(tx: Tx) -> list[str]:
    return list(tx.exec(select(Arrival.external_id).order_by(Arrival.id)))  # type: ignore[arg-type]


def together(db: Database, *verbs: tuple[Callable[..., Any], ...]) -> list[Any]:
    """Run verbs that wait at the same time, so that they share a commit; what each was answered."""

    async def run() -> list[Any]:
        asked = [db.transact(verb, *args) for verb, *args in verbs]
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(run())


def test_a_failing_verb_is_rolled_back_alone(db: Database) -> None:
    said = together(db, (arrive, "1"), (fails, "2"), (arrive, "3"))
    assert said[0] == "1"
    assert isinstance(said[1], Odd)
    assert said[2] == "3"
    assert sorted(db.read_now(arrivals)) == ["1", "3"]


def test_a_verb_that_breaks_a_constraint_fails_alone(db: Database) -> None:
    def twice(tx: Tx) -> None:
        for _ in range(2):
            tx.add(Arrival(source="test", external_id="same", at=tx.now))
        tx.flush()

    said = together(db, (arrive, "1"), (twice,), (arrive, "2"))
    assert isinstance(said[1], IntegrityError)
    assert sorted(db.read_now(arrivals)) == ["1", "2"]


def test_fifty_at_once_are_all_committed(db: Database) -> None:
    names = [str(name) for name in range(50)]
    assert together(db, *((arrive, name) for name in names)) == names
    assert sorted(db.read_now(arrivals)) == sorted(names)


@on_sqlite
def test_one_writer_keeps_the_order(db: Database) -> None:
    names = [str(name) for name in range(50)]
    together(db, *((arrive, name) for name in names))
    assert db.read_now(arrivals) == names


def test_waiting_verbs_share_a_commit(db: Database) -> None:
    """While one verb is at work the others gather."""
    commits: list[object] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        begun.set()
        go_on.wait(10)

    with ThreadPoolExecutor(21) as pool:
        slowly = pool.submit(db.run, slow)
        begun.wait(10)
        event.listen(db.engine, "commit", commits.append)
        rest = [pool.submit(db.run, arrive, str(name)) for name in range(20)]
        if db.on_sqlite:  # on PostgreSQL the other writers take what waits, however much that is
            waiting(db, 20)
        go_on.set()
        slowly.result()
        assert sorted(each.result() for each in rest) == sorted(str(name) for name in range(20))
    assert len(commits) <= (2 if db.on_sqlite else 21)


def test_a_verb_that_is_alone_shares_with_nobody(db: Database) -> None:
    commits: list[object] = []
    event.listen(db.engine, "commit", commits.append)

    async def run() -> None:
        await asyncio.gather(*(db.alone(arrive, str(name)) for name in range(5)))

    asyncio.run(run())
    assert len(commits) == 5


def test_the_answer_comes_after_the_commit(db: Database) -> None:
    async def run() -> list[str]:
        await db.transact(arrive, "1")
        return await db.read(arrivals)

    assert asyncio.run(run()) == ["1"]


def test_verbs_get_the_time_of_the_moved_clock(db: Database, clock: MovedClock) -> None:
    assert db.run(lambda tx: tx.now) == START
    clock.forward(minutes=5)
    assert db.run(lambda tx: tx.now) == clock.now()
    assert db.read_now(lambda tx: tx.now) == clock.now()


def test_who_stopped_waiting_has_no_say_over_others(db: Database) -> None:
    """One that gave up must not make the batch run twice, nor end the writer."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Tx) -> str:
        begun.set()
        go_on.wait(10)
        return arrive(tx, "slow")

    async def run() -> list[Any]:
        first = asyncio.create_task(db.transact(slow))
        await asyncio.to_thread(begun.wait, 10)
        queued = [asyncio.create_task(db.transact(arrive, name)) for name in ("kept", "dropped")]
        await asyncio.sleep(0)
        first.cancel()
        queued[1].cancel()
        go_on.set()
        return await asyncio.gather(first, *queued, return_exceptions=True)

    said = asyncio.run(run())
    assert said[1] == "kept"
    assert db.run(arrive, "after") == "after"
    # What had begun is done although nobody waits for it; what had not begun is not done.
    assert {"slow", "kept", "after"} <= set(db.read_now(arrivals)) <= {"slow", "kept", "after", "dropped"}


@pytest.mark.parametrize("problem", [StopIteration("nothing"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_whatever_a_verb_raises_reaches_its_caller_and_the_writer_goes_on(db: Database, problem: BaseException) -> None:
    def odd(tx: Tx) -> None:
        raise problem

    with pytest.raises((type(problem), RuntimeError)):
        db.run(odd)
    assert db.run(arrive, "1") == "1"


def test_a_wake_that_fails_harms_nobody(db: Database) -> None:
    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    db.wake = closed
    assert db.run(lambda tx: tx.wakes()) is None
    assert db.run(arrive, "1") == "1"


def test_it_wakes_after_the_commit_and_only_when_asked(db: Database) -> None:
    seen: list[list[str]] = []
    db.wake = lambda: seen.append(db.read_now(arrivals))

    def wakes(tx: Tx) -> None:
        arrive(tx, "1")
        tx.wakes()

    def wakes_and_fails(tx: Tx) -> None:
        tx.wakes()
        raise Odd

    db.run(wakes)
    with pytest.raises(Odd):
        db.run(wakes_and_fails)
    db.run(arrive, "2")
    assert seen == [["1"]]


def test_a_closed_database_says_so(db: Database) -> None:
    db.close()
    with pytest.raises(RuntimeError, match="closed"):
        db.run(arrive, "1")


def test_what_waits_is_committed_on_closing(db: Database) -> None:
    asked = [Job(arrive, (str(name),)) for name in range(30)]
    for each in asked:
        db._put(each)
    db.close()
    assert [each.done.result(timeout=0) for each in asked] == [str(name) for name in range(30)]


@on_sqlite
def test_a_full_disk_loses_the_batch_and_each_is_run_again_alone(db: Database) -> None:
    """SQLite rolls the whole transaction back: nobody may be told "done", and nothing may be done twice."""
    runs: list[str] = []

    def counted(tx: Tx, id: str) -> str:
        runs.append(id)
        return arrive(tx, id)

    said = together(db, (counted, "1"), (fill_the_disk,), (counted, "2"))
    assert isinstance(said[1], Away)
    assert (said[0], said[2]) == ("1", "2")
    assert sorted(db.read_now(arrivals)) == ["1", "2"]
    assert sorted(runs) == ["1", "1", "2"]


@on_sqlite
def test_a_timer_that_loses_the_transaction_loses_no_other_timer(db: Database) -> None:
    """The others fire again with the transaction that is run again: each has its effect once."""
    tries: list[str] = []

    def fill(tx: Tx, subject: str, data: dict[str, Any]) -> None:
        tries.append(subject)
        if tries == ["1", "2"]:
            fill_the_disk(tx)
        arrive(tx, subject)

    for name in ("1", "2", "3"):
        db.run(timers.set_for, "fill", name, START)
    assert asyncio.run(db.alone(timers.fire_due, {"fill": fill})) == 3
    assert tries == ["1", "2", "1", "2", "3"]
    assert sorted(db.read_now(arrivals)) == ["1", "2", "3"]
    assert db.read_now(timers.next_due) is None


@on_postgresql
def test_a_connection_that_breaks_is_replaced_and_the_verb_run_again(db: Database) -> None:
    runs: list[int] = []

    def broken_once(tx: Tx) -> str:
        runs.append(1)
        if len(runs) == 1:
            tx.execute(text("select pg_terminate_backend(pg_backend_pid())"))
        return arrive(tx, "again")

    assert db.run(broken_once) == "again"
    assert len(runs) == 2
    assert db.read_now(arrivals) == ["again"]


@on_postgresql
def test_a_deadlock_is_run_again(db: Database) -> None:
    runs: list[int] = []

    def unlucky(tx: Tx) -> str:
        runs.append(1)
        if len(runs) == 1:
            tx.execute(text("do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$"))
        return arrive(tx, "again")

    assert db.run(unlucky) == "again"
    assert len(runs) == 2


def test_numbers_are_given_once(db: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: db.run(number, "O"), range(40)))
    assert sorted(given) == list(range(1, 41))
    assert db.read_now(lambda tx: [(row.name, row.value) for row in tx.exec(select(Counter))]) == [("O", 40)]


def test_verbs_take_turns_so_that_what_they_read_still_holds(db: Database) -> None:
    """Read, decide, write: without turns two would both see that nobody was first."""

    def be_first(tx: Tx, name: str) -> bool:
        if arrivals(tx):
            return False
        accept(tx, "test", name)
        return True

    with ThreadPoolExecutor(8) as pool:
        firsts = list(pool.map(lambda name: db.run(be_first, str(name)), range(40)))
    assert firsts.count(True) == 1


def test_two_who_declare_at_once_declare_one_outage(db: Database) -> None:
    db.run(hire_two)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda id: db.run(declared_by, id), ["eve", "finn"]))
    assert {one.code for one in done} == {"O-1"}
    assert sorted(one.merged for one in done) == ["", "merged"]
    assert sorted(db.read_now(lambda tx: outages.find(tx).credited)) == ["eve", "finn"]


@on_postgresql
def test_a_claim_waits_for_nobodys_turn(db: Database) -> None:
    """Another worker may be writing a long story; messages leave all the same."""
    begun, go_on = threading.Event(), threading.Event()

    def long_story(tx: Tx) -> None:
        begun.set()
        go_on.wait(10)

    async def run() -> str:
        story = asyncio.create_task(db.transact(long_story))
        await asyncio.to_thread(begun.wait, 10)
        said = await asyncio.wait_for(db.at_once(arrive, "1"), 10)
        go_on.set()
        await story
        return said

    assert asyncio.run(run()) == "1"


def arrive_all(tx: Tx, ids: list[str]) -> list[str]:
    """For all that wait at once; one of them may be odd, and then none of its like is done in the same call."""
    done = [arrive(tx, id) for id in ids]
    if "odd" in ids:
        raise Odd(len(ids))
    return [f"{id} of {len(ids)}" for id in done]


def at_once(db: Database, *ids: str) -> list[Any]:
    """Items for the same verb that wait at the same time."""

    async def run() -> list[Any]:
        busy = asyncio.create_task(db.at_once(lambda tx: threading.Event().wait(0.05)))
        await asyncio.sleep(0)
        said = await asyncio.gather(*(db.together(arrive_all, id) for id in ids), return_exceptions=True)
        await busy
        return said

    return asyncio.run(run())


@on_sqlite
def test_items_that_wait_for_the_same_verb_are_done_in_one_call(db: Database) -> None:
    assert at_once(db, "1", "2", "3") == ["1 of 3", "2 of 3", "3 of 3"]
    assert db.read_now(arrivals) == ["1", "2", "3"]


def test_an_item_that_fails_fails_alone(db: Database) -> None:
    said = at_once(db, "1", "odd", "2")
    assert [str(each).split()[0] for each in (said[0], said[2])] == ["1", "2"]
    assert isinstance(said[1], Odd)
    assert sorted(db.read_now(arrivals)) == ["1", "2"]


@on_postgresql
def test_what_another_process_commits_wakes_us(db: Database, settings: Settings, clock: MovedClock) -> None:
    woken, other = threading.Event(), Database(settings, clock, db.render)
    db.wake = woken.set
    db.listen()
    assert woken.wait(10), "once it listens, it looks what it has missed"
    woken.clear()
    other.run(lambda tx: tx.wakes())
    assert woken.wait(10)
    other.close()


@on_sqlite
def test_a_lock_that_somebody_keeps_is_told_and_heals_by_itself(db: Database, clock: MovedClock) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    other.stdout.readline()
    back = threading.Event()
    db.wake = back.set
    assert isinstance(together(db, (arrive, "1"))[0], Away)
    assert db.away_since == START
    assert isinstance(together(db, (arrive, "2"))[0], Away), "at once, while it is known to be away"
    other.kill()
    other.communicate()
    assert back.wait(10), "whatever waited is looked for"
    assert db.away_since is None
    assert together(db, (arrive, "3")) == ["3"]
    assert db.read_now(arrivals) == ["3"]


@on_sqlite
def test_who_was_told_that_it_is_away_is_told_nothing_else(db: Database) -> None:
    """The word is on its way to a busy event loop; meanwhile the database is back, and the verb would be done."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        begun.set()
        go_on.wait(10)

    async def run() -> Any:
        first = asyncio.create_task(db.transact(slow))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(db.transact(arrive, "late"))
        await asyncio.sleep(0)
        db._found(False)
        go_on.set()
        while db._at_work:  # and the loop is busy all that time
            threading.Event().wait(0.01)
        return await asyncio.gather(first, second, return_exceptions=True)

    said = asyncio.run(run())
    assert [type(each) for each in said] == [Away, Away]
    assert db.read_now(arrivals) == [], "what had not begun is not done"


@on_sqlite
def test_a_second_process_that_writes_is_let_in(db: Database) -> None:
    """The command line on SQLite, while the process that runs writes without a pause."""
    other = subprocess.Popen([sys.executable, "-c", WRITER, path(db), "20"], stdout=subprocess.PIPE, text=True)
    ours = 0
    while other.poll() is None:
        assert together(db, *((arrive, f"{ours}-{name}") for name in range(10)))[0] == f"{ours}-0"
        ours += 1
    assert other.communicate()[0] == "done\n"
    assert len(db.read_now(arrivals)) == ours * 10 + 20


@on_sqlite
def test_a_second_process_that_is_killed_leaves_nothing_behind(db: Database) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "holding\n"
    os.kill(other.pid, signal.SIGKILL)
    other.communicate()
    assert db.run(arrive, "1") == "1"
    assert db.read_now(arrivals) == ["1"]


def test_a_verb_sees_what_it_wrote_and_the_journal_holds(db: Database) -> None:
    def story(tx: Tx) -> int:
        journal.write(tx, "told")
        return len(tx.exec(select(journal.Line)).all())

    assert together(db, *((story,) for _ in range(5)))[-1] >= 1
    assert db.run(journal.verify).broken_at is None


def fill_the_disk(tx: Tx) -> None:
    """An INSERT that finds no room: SQLite takes the whole transaction back for it."""
    tx.execute(text("pragma max_page_count = 1"))
    try:
        tx.execute(text(f"insert into counter (name, value) values ('{'x' * 500_000}', 1)"))
    finally:
        tx.connection().connection.execute("pragma max_page_count = 1000000")  # type: ignore[attr-defined]


def hire_two(tx: Tx) -> None:
    for id in ("eve", "finn"):
        tx.add(roster.Person(id=id, name=id, unit="OPS", mobile=f"+1202555019{len(id)}", permissions=["declare"]))
    roster.forget(tx)


def declared_by(tx: Tx, id: str) -> command.Declared:
    person = roster.person(tx, id)
    assert person
    return command.declare(tx, person, command.declaration("ehr down", playbooks.current(tx).find), "cli")


def waiting(db: Database, count: int) -> None:
    """Until so many verbs wait."""
    while len(db._turns) < count:
        threading.Event().wait(0.001)


def path(db: Database) -> str:
    return str(db.engine.url.database)


def test_the_first_of_a_crowd_does_not_wait_for_the_last(db: Database) -> None:
    """What takes long is committed a few at a time, each once."""
    begun: list[int] = []

    def slow(tx: Tx, number: int) -> int:
        begun.append(number)
        until = time.monotonic() + 0.06
        while time.monotonic() < until:
            pass
        return number

    async def crowd() -> list[int]:
        each = [asyncio.ensure_future(db.transact(slow, number)) for number in range(9)]
        await each[0]
        done = [task.result() for task in each if task.done()]
        assert sorted(await asyncio.gather(*each)) == list(range(9))
        return done

    assert len(asyncio.run(crowd())) < 9
    assert begun == list(range(9))
