"""Live releases, events and API keys.

Written out rather than taken from schema.py: a migration must keep meaning what it meant when it ran.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    instant = sa.DateTime(timezone=True)
    # Text on SQLite, which has no exact decimals.
    money = sa.Numeric(18, 4).with_variant(sa.String(24), "sqlite")
    op.create_table(
        "live_releases",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("release_id", sa.String(128), nullable=False),
        sa.Column("set_at", instant, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(128), primary_key=True),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("occurred_at", instant, nullable=False),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("session_id", sa.String(128)),
        sa.Column("product_id", sa.String(128)),
        sa.Column("recommendation_id", sa.String(128)),
        sa.Column("quantity", money),
        sa.Column("amount", money),
        sa.Column("channel", sa.String(64)),
        sa.Column("dwell_seconds", money),
        sa.Column("received_at", instant, nullable=False),
    )
    op.create_index("events_by_customer", "events", ["customer_id", "received_at"])
    op.create_index("events_by_session", "events", ["session_id", "received_at"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("revoked_at", instant),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("api_keys", "events", "live_releases"):
        op.drop_table(table)
