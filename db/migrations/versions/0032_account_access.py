"""Links that prove an e-mail address, and API keys of buyers."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
