"""What a load must leave behind so that a walk which is the newest loaded one over again need not be typed again.

A migration is frozen: it names its types and comments itself and reads nothing of the package.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_repeated_walks"
down_revision = "0003_analyst_tables"
branch_labels = None
depends_on = None

TEXT = sa.Text()
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column(
        "loads",
        sa.Column(
            "reading_hash",
            TEXT,
            nullable=True,
            comment="Of how records were read: columns, field map and version. NULL: unknown.",
        ),
    )
    op.add_column(
        "loads",
        sa.Column("notes", JSON, nullable=True, comment="What was said of the walk's records beside the counts."),
    )
