"""Experiments, exposures, reports, offer claims, aliases of releases and secrets of the server.

Written out rather than taken from schema.py: a migration must keep meaning what it meant when it ran.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_server_tables()
    _create_designs()
    _create_outcomes()


def _create_server_tables() -> None:
    op.create_table(
        "release_aliases",
        sa.Column("alias", sa.String(128), primary_key=True),
        sa.Column("release_id", sa.String(128), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "server_secrets",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("secret", sa.LargeBinary(32), nullable=False),
    )


def _create_designs() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "designs",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
    )
    op.create_table(
        "experiments",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("started_at", instant),
        sa.Column("stopped_at", instant),
        sa.Column("decided_at", instant),
        sa.Column("decision", sa.Text),
    )
    op.create_table(
        "experiment_log",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("experiment_log_by_key", "experiment_log", ["key", "position"])


def _create_outcomes() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "exposures",
        sa.Column("experiment", sa.String(128), primary_key=True),
        sa.Column("customer_id", sa.String(128), primary_key=True),
        sa.Column("variant", sa.String(128), primary_key=True),
        sa.Column("exposed_at", instant, nullable=False),
        sa.Column("tier", sa.String(64)),
        sa.Column("segment", sa.String(64)),
        sa.Column("lifecycle", sa.String(64)),
        sa.Column("placement", sa.String(32)),
        sa.Column("recommendation_id", sa.String(128)),
        sa.Column("release_id", sa.String(128)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "offer_claims",
        sa.Column("claim_id", sa.String(64), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("offer_id", sa.String(128), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("claimed_at", instant, nullable=False),
        sa.Column("recommendation_id", sa.String(128)),
    )
    op.create_index("offer_claims_by_idempotency_key", "offer_claims", ["idempotency_key"], unique=True)
    op.create_index("offer_claims_by_offer", "offer_claims", ["offer_id", "customer_id"])
    op.create_table(
        "experiment_reports",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("data_through", sa.Date),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("experiment_reports_by_key", "experiment_reports", ["key", "position"])


def downgrade() -> None:
    """Drop them."""
    for table in (
        "experiment_reports",
        "offer_claims",
        "exposures",
        "experiment_log",
        "experiments",
        "designs",
        "server_secrets",
        "release_aliases",
    ):
        op.drop_table(table)
