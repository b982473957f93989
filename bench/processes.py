"""The two processes that are measured: `python -m bot.simulator` and `muster run`, told of each other by a .env."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.hospital import COMMAND_CHANNEL
from bot.settings import Settings

MUSTER = Path(sys.executable).with_name("muster")
SAID = 8  # lines that the simulator begins with: its address, then what belongs into a .env
GOODBYE = 15.0  # seconds a process gets to end by itself


@contextlib.contextmanager
def simulator(app_url: str, latency: float) -> Iterator[tuple[str, list[str]]]:
    """Both providers; gives their address and the lines for a .env. `latency` is in seconds, of each request."""
    command = [sys.executable, "-m", "bot.simulator", "--port", "0", "--app", app_url, "--latency", str(latency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=bare_environment())
    with ending(process):
        assert process.stdout
        url, *settings = [process.stdout.readline().strip() for _ in range(SAID)]
        if not url:
            raise RuntimeError("the simulator did not start")
        yield url, settings


class Muster:
    """Muster in a folder of its own, with a .env there and nothing of ours in its environment."""

    def __init__(self, folder: Path, database_url: str):
        self.folder, self.database_url, self.port = folder, database_url, free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def is_told(self, provider: list[str]) -> None:
        """Write the .env; `provider` is what the simulator said belongs into it."""
        own = {
            "DATABASE_URL": self.database_url, "PUBLIC_URL": self.url, "PORT": self.port, "ORG_NAME": "Bench Hospital",
            "SMS_PER_SECOND": 0, "CALLS_PER_SECOND": 0, "SLACK_COMMAND_CHANNEL": COMMAND_CHANNEL,
        }  # fmt: skip
        lines = [*(f"{name}={value}" for name, value in own.items()), *provider]
        (self.folder / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def does(self, *words: str) -> str:
        """Run one command to its end and return what it printed. Raises RuntimeError with what it said against it."""
        done = subprocess.run([MUSTER, *words], cwd=self.folder, env=bare_environment(), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"muster {' '.join(words)}: {done.stderr.strip()[-500:]}")
        return done.stdout

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """`muster run`; gives its process id. What it logs is kept beside its .env."""
        with (self.folder / "muster.log").open("w") as log:
            process = subprocess.Popen([MUSTER, "run"], cwd=self.folder, env=bare_environment(), stdout=log, stderr=log)
            with ending(process):
                yield process.pid


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare_environment() -> dict[str, str]:
    """Ours without any setting of Muster's, or it would win over the .env."""
    names = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in names}
