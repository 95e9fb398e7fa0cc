"""A lead given back and then charged back brings its price once."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
