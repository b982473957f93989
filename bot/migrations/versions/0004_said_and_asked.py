"""Who made a task up, and who said that it is done while its proof is waited for.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("task", sa.Column("asker", sa.String(), nullable=False, server_default=""))
    op.add_column("task", sa.Column("said_by", sa.String(), nullable=False, server_default=""))
