"""The processes that are measured, each in a folder of its own and ended by us."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from bench.hospital import COMMAND_CHANNEL
from bench.wire import Answers
from bot.settings import Settings
from bot.simulator import NUMBER, SLACK_SECRET, SLACK_TOKEN, TWILIO_SID, TWILIO_TOKEN

MUSTER = Path(sys.executable).with_name("muster")
ROOT = Path(__file__).parent.parent
GOODBYE = 15.0  # seconds a process gets to end by itself
GLANCE = 0.25  # seconds between two looks at how far it is
PATIENCE = 60.0  # seconds until a process must be up

at_work: list["subprocess.Popen[bytes]"] = []  # of Muster's; whoever waits for what they do looks whether they live
http = build_opener(ProxyHandler({}))  # whatever somebody's shell says, nothing leaves this machine

Progress = Callable[[int, int], None]


class Stuck(RuntimeError):
    """It has not come to its end within the time it was given; the text says how far it was."""


class Provider:
    """The provider's process, asked how far it is."""

    def __init__(self, url: str):
        self.url = url

    def ask(self, path: str) -> Any:
        with http.open(f"{self.url}/bench/{path}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def begin(self, latency: float = 0.0, receipts: bool = False) -> None:
        """Nothing was ever taken. `latency` is in seconds; with `receipts` it posts two for each text at once."""
        self.ask(f"set?latency={latency}&receipts={int(receipts)}")
        self.ask("forget")

    def taken(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("taken")
        return found

    def takes(self, count: int, limit: float, progress: Progress = lambda done, total: None) -> None:
        """Wait until it has taken so many. Raises Stuck after `limit` seconds."""
        until, have = time.monotonic() + limit, -1
        while have < count:
            if time.monotonic() > until or any(process.poll() is not None for process in at_work):
                raise Stuck(f"the provider had {have:,} of {count:,} texts after {limit:g} s, or when Muster ended")
            have = self.ask(f"wait?count={count}&longest={GLANCE}")["count"]
            progress(min(have, count), count)

    def reaches(self, people: int, limit: float, progress: Progress = lambda done, total: None) -> None:
        """Wait until it has a text for each of so many people. Raises Stuck after `limit` seconds."""
        until = time.monotonic() + limit
        self.takes(people, limit, progress)
        while (found := self.taken()["people"]) < people:
            if time.monotonic() > until:
                raise Stuck(f"{found:,} of {people:,} people had a text after {limit:g} s")
            time.sleep(GLANCE)

    def reported(self, receipts: int, limit: float, progress: Progress) -> Answers:
        """Wait until so many of its receipts were answered, well or badly; returns how. Raises Stuck."""
        until = time.monotonic() + limit
        while len((told := self.ask("receipts"))["seconds"]) < receipts:
            if time.monotonic() > until:
                raise Stuck(f"{len(told['seconds']):,} of {receipts:,} receipts were answered after {limit:g} s")
            progress(len(told["seconds"]), receipts)
            time.sleep(GLANCE)
        return Answers(told["seconds"], {int(status): count for status, count in told["statuses"].items()})


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    with spoken("bench.provider") as (_, url):
        yield Provider(url)


class Muster:
    """Muster in a folder of its own, with a .env there and nothing of ours in its environment."""

    def __init__(self, folder: Path, database_url: str, provider_url: str, **more: object):
        self.folder, self.database_url, self.port = folder, database_url, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {
            "DATABASE_URL": database_url, "PUBLIC_URL": self.url, "PORT": self.port, "ORG_NAME": "Bench Hospital",
            "SMS_PER_SECOND": 0, "CALLS_PER_SECOND": 0, "TWILIO_API_URL": provider_url, "TWILIO_FROM": NUMBER,
            "TWILIO_ACCOUNT_SID": TWILIO_SID, "TWILIO_AUTH_TOKEN": TWILIO_TOKEN, "SLACK_BOT_TOKEN": SLACK_TOKEN,
            "SLACK_API_URL": f"{provider_url}/api/", "SLACK_SIGNING_SECRET": SLACK_SECRET,
            "SLACK_COMMAND_CHANNEL": COMMAND_CHANNEL,
        } | more  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join(f"{name}={value}" for name, value in own.items()) + "\n"
        (folder / ".env").write_text(text, encoding="utf-8")

    def does(self, *words: str) -> str:
        """Run one command to its end and return what it printed. Raises RuntimeError with what it said against it."""
        done = subprocess.run([MUSTER, *words], cwd=self.folder, env=bare_environment(), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"muster {' '.join(words)}: {done.stderr.strip()[-500:]}")
        return done.stdout

    @contextlib.contextmanager
    def works(self, name: str = "worker") -> Iterator[int]:
        """`muster worker`; gives its process id at once. `name` is what PostgreSQL knows it by."""
        with self._running("worker", name) as process:
            yield process.pid

    @contextlib.contextmanager
    def runs(self) -> Iterator[int]:
        """`muster run`; gives its process id once it takes requests and beats. Raises Stuck."""
        with self._running("run", "run") as process:
            until = time.monotonic() + PATIENCE
            while not self._is_ready():
                if time.monotonic() > until or process.poll() is not None:
                    raise Stuck(f"muster run was not ready after {PATIENCE:g} s, or when it ended")
                time.sleep(0.05)
            yield process.pid

    @contextlib.contextmanager
    def _running(self, command: str, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        """What it logs is kept beside its .env; whoever waits for it in vain is told how that ends."""
        path, told = self.folder / f"{name}.log", bare_environment() | {"PGAPPNAME": name}
        with path.open("w") as log:
            process = subprocess.Popen([MUSTER, command], cwd=self.folder, env=told, stdout=log, stderr=log)
            at_work.append(process)
            try:
                with ending(process):
                    yield process
            except (Stuck, OSError) as trouble:
                raise Stuck(f"{trouble}; the log of muster {command} ends: {path.read_text()[-1500:]}") from trouble
            finally:
                at_work.remove(process)

    def _is_ready(self) -> bool:
        try:
            with http.open(f"{self.url}/readyz", timeout=GLANCE * 4) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def spoken(module: str, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`python -m module words`; gives the process and the first line that it says. Raises RuntimeError for none."""
    process = python(module, *words)
    with ending(process):
        assert process.stdout
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{module} did not start")
        yield process, line


def python(module: str, *words: str, log: Path | None = None, **told: str) -> "subprocess.Popen[str]":
    """`python -m module words` with these in its environment; what it says against something goes to the log."""
    command, environment = [sys.executable, "-m", module, *words], bare_environment() | told
    with log.open("a") if log else contextlib.nullcontext() as to:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=to, text=True)


@contextlib.contextmanager
def ending(process: "subprocess.Popen[Any]") -> Iterator[None]:
    """Whatever happens, the process ends."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def peak_memory(pid: int) -> float:
    """The most memory that a process ever held, in MB; where that is not told, what it holds now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)
    return int(told.stdout) / 1024


def cpu_seconds(pid: int) -> float:
    """How long a process, all its threads together, has computed so far; 0 where that is not told.

    Other work on the machine slows everybody down, but leaves this nearly as it is.
    """
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare_environment() -> dict[str, str]:
    """Ours without any setting of Muster's, or it would win over the .env."""
    names = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in names}
