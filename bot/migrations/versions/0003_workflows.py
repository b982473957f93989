"""Recalls, roll-calls, reports of the situation, operational periods, groups, calendars and drills.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    tasks_of_units()


def tasks_of_units() -> None:
    """What is left to do in a unit is looked up at each answer for it."""
    op.create_index("task_of_unit", "task", ["outage_id", "unit", "kind"])
