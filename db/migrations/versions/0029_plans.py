"""Monthly plans, their subscriptions and the leads that are paid ahead."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
