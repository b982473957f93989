"""Recalls, roll-calls, reports of the situation, operational periods, groups, calendars and drills.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    facts_of_outages()
    tasks_of_units()
    rounds_and_periods()
    sitreps()
    hand_overs()
    drills()
    course_of_outages()
    calendars()
    groups()
    recalls()


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


def recalls() -> None:
    """Who is asked to come in, what they can do, and who is on leave."""
    op.add_column("person", sa.Column("skills", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "leave",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name="leave_ends_after_it_starts"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_leave_person_id", "leave", ["person_id"])
    op.create_table(
        "recall",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("outage_id", sa.Integer(), nullable=False),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("reserve_percent", sa.Integer(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("only_site", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('open', 'filled', 'closed', 'cancelled')", name="recall_state"),
        sa.CheckConstraint("need > 0", name="recall_needs_somebody"),
        sa.ForeignKeyConstraint(["outage_id"], ["outage.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_index("ix_recall_outage_id", "recall", ["outage_id"])
    op.create_table(
        "recall_call",
        sa.Column("recall_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("eta", MOMENT, nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("accepted_at", MOMENT, nullable=True),
        sa.Column("arrived_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'coming', 'reserve', 'declined', 'dropped', 'not_needed', 'silent')",
            name="recall_call_state",
        ),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"]),
        sa.PrimaryKeyConstraint("recall_id", "person_id"),
    )
    op.create_index("ix_recall_call_person_id", "recall_call", ["person_id"])


def groups() -> None:
    """Saved rules over the roster."""
    op.create_table(
        "staff_group",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def sitreps() -> None:
    """Situation reports: each time that the section chiefs were asked, and what each of them says."""
    op.create_table(
        "sitrep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("outage_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["outage_id"], ["outage.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sitrep_outage_id", "sitrep", ["outage_id"])
    op.create_table(
        "sitrep_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitrep_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sitrep_id"], ["sitrep.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sitrep_report_sitrep_id", "sitrep_report", ["sitrep_id"])
    op.create_index("ix_sitrep_report_person_id", "sitrep_report", ["person_id"])
