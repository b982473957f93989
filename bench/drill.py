"""How long a simulated drill takes: a large hospital, every playbook, twelve hours of outage, as fast as it goes."""

import json
import os
import subprocess
import time
from pathlib import Path

from bench.processes import MUSTER
from bench.report import Figure
from bench.stage import Stage

STAFF = 1_000
TARGET = 180.0  # seconds


def measure(stage: Stage, database: str) -> list[Figure]:
    """A drill has a SQLite of its own, whatever the database."""
    if database != "sqlite":
        return []
    staff = stage.load(STAFF)
    with stage.bar("drill", database):
        took, computed, answered = _played(staff, stage.limit, stage.folder)
    says = f"{staff:,} staff, 8 playbooks, 12 hours"
    return [
        Figure("drill", database, "`muster drill all`", took, "s", TARGET, "<", says=says),
        Figure("drill", database, "processor time of it", computed, "s"),
        Figure("drill", database, "people who answered in it", answered, "people"),
    ]


def _played(staff: int, limit: float, folder: Path) -> tuple[float, float, int]:
    """Seconds of real and of processor time, and who answered. Raises RuntimeError when it told nothing."""
    since, before = time.monotonic(), os.times()
    command = [str(MUSTER), "drill", "all", "--staff", str(staff), "--json"]
    played = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit, check=False)
    took, after = time.monotonic() - since, os.times()
    if not played.stdout:
        raise RuntimeError(played.stderr.strip()[-300:])
    computed = after.children_user + after.children_system - before.children_user - before.children_system
    return took, computed, json.loads(played.stdout)["answered"]
