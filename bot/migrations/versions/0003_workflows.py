"""Recalls, roll-calls, reports of the situation, operational periods, groups, calendars and drills.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    facts_of_outages()
    tasks_of_units()
    rounds_and_periods()
    hand_overs()
    drills()
    course_of_outages()
    calendars()


def facts_of_outages() -> None:
    """What was found out of an outage, and the fact with which a task is not needed."""
    op.add_column("outage", sa.Column("facts", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("task", sa.Column("skip_if", sa.String(), nullable=False, server_default=""))


def tasks_of_units() -> None:
    """What is left to do in a unit, and whether somebody has answered, is looked up at each answer."""
    op.create_index("task_of_unit", "task", ["outage_id", "unit", "kind"])
    op.create_index("answer_of", "answer", ["round_id", "person_id"])
    op.drop_index("ix_answer_round_id", "answer")


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


def drills() -> None:
    """Runs of scenarios, planned and live, each with the script it began with."""
    op.create_table(
        "drill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("script", sa.JSON(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("outage_id", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('planned', 'running', 'ended', 'cancelled')", name="drill_state"),
        sa.ForeignKeyConstraint(["outage_id"], ["outage.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("scenario", "starts_at"),
    )
    op.create_index(op.f("ix_drill_outage_id"), "drill", ["outage_id"], unique=False)


def course_of_outages() -> None:
    """What an outage keeps of how its level is raised, and which units still wait for their turn in recovery."""
    for name in ("levels", "return_order"):
        op.add_column("outage", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))


def calendars() -> None:
    """The role whose calendar a stretch of duty stands in: the next import of that calendar replaces it."""
    op.add_column("shift", sa.Column("calendar", sa.String(), nullable=False, server_default=""))
