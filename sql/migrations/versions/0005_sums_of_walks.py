"""What the records of a loaded walk add up to, so that of a walk which differs little only the difference is read.

A migration is frozen: it names its types and comments itself and reads nothing of the package.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_sums_of_walks"
down_revision = "0004_repeated_walks"
branch_labels = None
depends_on = None

JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.drop_column("loads", "notes")
    op.add_column(
        "loads",
        sa.Column(
            "sums",
            JSON,
            nullable=True,
            comment="What the walk's records add up to, beside the fields. NULL: unknown.",
        ),
    )
    op.create_index("ix_raw_pages_equal", "raw_pages", ["walk_id", "page", "sha256", "size_bytes", "run_id"])
