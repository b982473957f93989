"""Muster's processes, as often as they are killed; and what stands before several of them."""

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

MUSTER = Path(sys.executable).with_name("muster")
UP = 2.5  # seconds after which a process that listens nowhere is taken to be up
PATIENCE = 40.0  # seconds until a process must listen
GLANCE = 0.02


class Process:
    """One process of Muster's, started again after each kill. What it logs is kept in its folder."""

    def __init__(
        self, words: tuple[str, ...], folder: Path, environment: Mapping[str, str], port: int = 0, number: int = 0
    ):
        self.words, self.folder, self.port = words, folder, port
        self.environment = dict(environment) | ({"PORT": str(port)} if port else {})
        self.log = folder / f"{'-'.join(words)}-{port or number}.log"
        self.fell: list[str] = []  # how it ended by itself
        self._running: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [MUSTER, *self.words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip
        self._started = time.monotonic()

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self._running is None:
            return
        self._fall()
        self._running.kill()
        await asyncio.to_thread(self._running.wait)
        self._running = None

    def runs(self) -> bool:
        return self._running is not None and self._running.poll() is None

    async def up(self) -> None:
        """Until it takes what comes in; one that ended by itself is started again. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not self._is_up():
                if self._fall():
                    self.start()
                await asyncio.sleep(GLANCE)

    def _fall(self) -> bool:
        """Whether it ended by itself; that is written down."""
        if self.runs():
            return False
        self.fell.append(f"muster {' '.join(self.words)} ended by itself: {_tail(self.log)}")
        return True

    def _is_up(self) -> bool:
        return listens(self.port) if self.port else time.monotonic() - self._started > UP


async def does(words: tuple[str, ...], folder: Path, environment: Mapping[str, str], say: str = "") -> str:
    """Run one command to its end and return what it printed; `say` is its stdin. Raises RuntimeError."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [MUSTER, *words], cwd=folder, env=dict(environment), capture_output=True, text=True, input=say, timeout=120
        )

    done = await asyncio.to_thread(run)
    if done.returncode:
        raise RuntimeError(f"muster {' '.join(words)}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


async def cut_off(words: tuple[str, ...], folder: Path, environment: Mapping[str, str], after: float) -> str:
    """Run one command and kill it after so many seconds; returns what it had said on stdout by then."""
    process = await asyncio.create_subprocess_exec(
        str(MUSTER), *words, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    saying = asyncio.create_task(process.communicate())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(saying), after)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    said, _ = await saying
    return said.decode()


class Front:
    """What stands before several web processes: it passes each connection on to one that lives."""

    def __init__(self, ports: list[int]):
        self._turns = itertools.cycle(ports)
        self._several = len(ports)
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen on a free port and return the address."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(self, heard: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)
        try:
            for _ in range(self._several):
                with contextlib.suppress(OSError):
                    there, back = await asyncio.open_connection("127.0.0.1", next(self._turns))
                    await asyncio.gather(_pump(heard, back), _pump(there, answer))
                    return
        except asyncio.CancelledError:
            pass  # it is closed: a server's own task must not end cancelled, or asyncio complains
        finally:
            answer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while some := await source.read(65_536):
            sink.write(some)
            await sink.drain()
    except OSError:
        pass  # the process at one end was killed: the other end hears of it by the close
    finally:
        sink.close()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
