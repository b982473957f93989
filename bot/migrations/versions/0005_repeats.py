"""The tasks that come again while an outage lasts, as they stood when it began.

It takes nothing away that a program reads, so what runs goes on while the new programs start (docs/scaling.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("outage", sa.Column("repeats", sa.JSON(), nullable=False, server_default="[]"))
