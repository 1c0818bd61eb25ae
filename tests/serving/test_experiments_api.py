"""What the API says about experiments: what runs, who is in it, what came of it."""

import json
from datetime import date

import pytest

from experiments.assignment import assign
from tests.serving.conftest import EVEN, NOON
from tests.support.waiting import wait_until


def assignment(client, key: str, customer: str) -> tuple[str | None, str]:
    body = client.get(f"/v1/experiments/{key}/assignment?customer_id={customer}").json()
    assert (body["key"], body["customer_id"]) == (key, customer)
    return body["variant"], body["reason"]


def test_running_experiments_are_listed(shop):
    shop.start("exp", {"offer_policy": "none"}, hypothesis="Fewer offers", primary="orders_d30")
    shop.start("ended")
    shop.stop("ended")
    with shop.client() as client:
        assert client.get("/v1/experiments").json() == {
            "experiments": [
                {
                    "key": "exp",
                    "hypothesis": "Fewer offers",
                    "state": "running",
                    "variants": [{"key": "control", "weight": 0.5}, {"key": "changed", "weight": 0.5}],
                    "primary": "orders_d30",
                    "started_at": "2018-01-02T12:00:00Z",
                }
            ]
        }


def test_the_program_holdout_is_listed_without_a_start(shop):
    with shop.client(experiments={"holdout_share": 0.1}) as client:
        (holdout,) = client.get("/v1/experiments").json()["experiments"]
    assert (holdout["key"], holdout["started_at"]) == ("program_holdout", None)
    assert [each["key"] for each in holdout["variants"]] == ["held_out", "program"]


def test_an_assignment_says_which_and_why(shop):
    shop.start("exp", forced={"bo": "changed"})
    shop.start("for-bronze", targeting={"tier": ["bronze"]})
    shop.start("later", schedule=[{"from": "2018-01-03", "coverage": 1.0}])
    with shop.client() as client:
        assert assignment(client, "exp", "ada") == (EVEN[assign("exp", "ada", [0.5, 0.5])], "assigned")
        assert assignment(client, "exp", "bo") == ("changed", "forced")
        assert assignment(client, "for-bronze", "ada") == (None, "not_targeted")
        assert assignment(client, "later", "ada") == (None, "outside_coverage")
        assert assignment(client, "exp", "stranger") == (None, "unknown_customer")
        assert assignment(client, "exp", "no-consent") == (None, "no_consent")
    assert shop.exposures("exp") == {}


def test_results_are_the_latest_report_without_its_charts(shop):
    shop.start("exp")
    with shop.client() as client:
        with shop.database() as database:
            for lift in (0.01, 0.02):
                body = json.dumps({"experiment": "exp", "lift": lift, "charts": {"forest": {"en": "<svg/>"}}})
                database.experiments.add_report(
                    "exp", 1, body, NOON, data_through=date(2018, 1, 1), actor="test"
                )
        assert client.get("/v1/experiments/exp/results").json() == {"experiment": "exp", "lift": 0.02}
        shop.stop("exp")
        wait_until(lambda: client.get("/v1/experiments").json() == {"experiments": []})
        assert client.get("/v1/experiments/exp/results").status_code == 200, "also after it has ended"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/experiments/none/assignment?customer_id=ada", "unknown_experiment"),
        ("/v1/experiments/none/results", "no_report"),
    ],
)
def test_an_unknown_experiment_is_named(client, path, code):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert "'none'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/experiments?colour=red", "colour"),
        ("/v1/experiments/exp/assignment", "customer_id"),
        ("/v1/experiments/exp/assignment?customer_id=", "customer_id"),
        ("/v1/experiments/exp/results?colour=red", "colour"),
    ],
)
def test_a_wrong_query_is_named(client, path, field):
    answer = client.get(path)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_results_need_the_database(shop):
    with shop.client() as client:
        shop.database_file.unlink()
        wait_until(lambda: client.get("/readyz").json()["database_available"] is False)
        answer = client.get("/v1/experiments/exp/results")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert client.get("/v1/experiments").status_code == 200
