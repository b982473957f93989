"""Recalls, roll-calls, reports of the situation, operational periods, groups, calendars and drills.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    tasks_of_units()
    rounds_and_periods()
    hand_overs()


def tasks_of_units() -> None:
    """What is left to do in a unit is looked up at each answer for it."""
    op.create_index("task_of_unit", "task", ["outage_id", "unit", "kind"])


def rounds_and_periods() -> None:
    """What a round asks; the operational period an outage is in, and how often it asks."""
    op.add_column("round", sa.Column("kind", sa.String(), nullable=False, server_default="alert"))
    op.add_column("round", sa.Column("text", sa.String(), nullable=False, server_default=""))
    op.add_column("round", sa.Column("units", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("outage", sa.Column("period", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outage", sa.Column("period_began_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outage", sa.Column("rhythm", sa.JSON(), nullable=False, server_default="{}"))


def hand_overs() -> None:
    """Whose a task is until the one it was offered to takes it; and how often a ladder began again."""
    op.add_column("task", sa.Column("giver", sa.String(), nullable=False, server_default=""))
    op.add_column("ladder", sa.Column("lap", sa.Integer(), nullable=False, server_default="0"))
