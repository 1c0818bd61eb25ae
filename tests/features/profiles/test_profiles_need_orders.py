"""`huitou profiles build` on a lake without orders: refused, and nothing is created."""

from datetime import date, datetime

import pytest

from features.errors import NotReadyError
from features.profiles.build import require_orders
from tests.support.command import refusal
from tests.support.order_lines import Line, engine_with, settings_with


def test_a_workspace_without_a_lake_is_refused_and_left_alone(tmp_path):
    words = refusal("profiles", "build", "--as-of", "2024-03-01", folder=tmp_path)
    assert "has no orders before 2024-03-01" in words
    assert "huitou ingest" in words
    assert list(tmp_path.iterdir()) == []


def test_only_orders_before_the_day_count():
    settings = settings_with()
    with engine_with([[Line("c1", "p1", datetime(2024, 3, 1, 0, 0), "1.00")]]) as engine:  # noqa: DTZ001
        require_orders(engine, date(2024, 3, 2), settings)
        with pytest.raises(NotReadyError, match="no orders before 2024-03-01"):
            require_orders(engine, date(2024, 3, 1), settings)
