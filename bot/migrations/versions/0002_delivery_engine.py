"""Circuits, fallback providers, messages nobody confirmed, audiences written in batches.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STATE = {state: sa.text(f"state = '{state}'") for state in ("queued", "sending", "doubtful", "expired")}

SOME_ROLE = sa.text("CAST(roles AS VARCHAR) <> '[]'")
OF_THE_HOUSE = sa.text("""CAST(roles AS VARCHAR) NOT IN ('[]', '["unit_charge"]', '["unit_runner"]')""")
SOME_PERMISSION = sa.text("CAST(permissions AS VARCHAR) <> '[]'")
A_ROLE = sa.text("role <> ''")


def upgrade() -> None:
    op.add_column("message", sa.Column("provider", sa.String(), nullable=False, server_default=""))
    index_the_messages()
    with op.batch_alter_table("health") as health:
        health.add_column(sa.Column("circuit", sa.String(), nullable=False, server_default="closed"))
        health.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        health.add_column(sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
        health.add_column(sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True))
        health.create_check_constraint("circuit", "circuit IN ('closed', 'open', 'half_open')")
    op.create_table(
        "expansion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("outage_id", sa.Integer(), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_expansion_notice_id", "expansion", ["notice_id"])
    op.create_index("ix_expansion_outage_id", "expansion", ["outage_id"])
    index_the_roster()


def index_the_messages() -> None:
    """One for each state that somebody looks for: SQLite finds no part of an index over several."""
    op.drop_index("message_open", "message")
    some("message_sending", "message", ["lease_until"], STATE["sending"])
    some("message_doubtful", "message", ["due_at"], STATE["doubtful"])
    some("message_stale", "message", ["not_after"], STATE["queued"])
    some("message_again", "message", ["claimed_at"], sa.text("state = 'queued' AND claimed_at IS NOT NULL"))
    some("message_expired", "message", ["notice_id"], STATE["expired"])
    some("message_unconfirmed", "message", ["handed_at"], sa.text("state = 'sent' AND asked = 0"))
    # most rows have no id yet: an index over those that do is smaller, and cheaper to keep in the claim
    op.drop_index("ix_message_provider_id", "message")
    some("message_provider_id", "message", ["provider_id"], sa.text("provider_id <> ''"))


def index_the_roster() -> None:
    """So that one person, one role or one batch of a hundred thousand people is found without reading all of them."""
    op.add_column("person", sa.Column("dead_mobile", sa.String(), nullable=False, server_default=""))
    op.add_column("person", sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("person_in_order", "person", ["place", "id"])
    some("person_with_role", "person", ["unit"], SOME_ROLE)
    some("person_of_the_house", "person", ["place"], OF_THE_HOUSE)
    some("person_permitted", "person", ["place"], SOME_PERMISSION)
    op.drop_index("ix_shift_person_id", "shift")
    op.create_index("shift_of_person", "shift", ["person_id", "ends_at"])
    op.create_index("shift_at_unit", "shift", ["unit", "ends_at"])
    some("shift_with_role", "shift", ["role", "unit", "ends_at"], A_ROLE)


def some(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    """An index over some of the rows."""
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
