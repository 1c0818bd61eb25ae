"""The simulated shop's web pages: they ask the API over HTTP, a few questions at a time."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any, Self

from features.errors import HuitouError

PAGES_AT_ONCE = 4  # more would only wait for one another: pages and API share one process
EVENTS_A_CALL = 1000  # as many as the API takes
SHOWN = 12  # products a page
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What a customer was shown.

    Attributes:
        recommendation_id: of the answer; clicks and claims carry it.
        product_ids: best first.
        offer_ids: offers beside them.
        variants: the experiments that were really served, by key.
        degraded: whether something was missing.
    """

    recommendation_id: str
    product_ids: tuple[str, ...]
    offer_ids: tuple[str, ...]
    variants: dict[str, str]
    degraded: bool


@dataclass(frozen=True)
class Claim:
    """An offer that a customer takes beside an answer."""

    offer_id: str
    customer_id: str
    recommendation_id: str


class Storefront:
    """Pages of a shop, each a thread with a connection of its own.

    Args:
        port: of the API on this machine.

    Attributes:
        calls: `requests` made, and answers that were `degraded`.
    """

    def __init__(self, port: int) -> None:
        self.calls: Counter[str] = Counter()
        self._port = port
        self._pages = ThreadPoolExecutor(PAGES_AT_ONCE, thread_name_prefix="page")
        self._own = threading.local()
        self._connections: list[HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pages.shutdown()
        for connection in self._connections:
            connection.close()

    def visits(self, customer_ids: Sequence[str], placement: str) -> list[Answer]:
        """What each customer is shown, in the same order.

        Raises:
            HuitouError: the API did not answer as promised.
        """
        answers = list(self._pages.map(lambda customer_id: self._visit(customer_id, placement), customer_ids))
        self.calls["requests"] += len(answers)
        self.calls["degraded"] += sum(answer.degraded for answer in answers)
        return answers

    def claims(self, claims: Sequence[Claim]) -> list[bool]:
        """Take offers; whether each was granted.

        Raises:
            HuitouError: the API did not answer as promised.
        """
        self.calls["requests"] += len(claims)
        return list(self._pages.map(self._claim, claims))

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Send events; all must be stored.

        Raises:
            HuitouError: one was not.
        """
        for start in range(0, len(events), EVENTS_A_CALL):
            self.calls["requests"] += 1
            path = "/v1/events"
            status, body = self._post(path, {"events": list(events[start : start + EVENTS_A_CALL])})
            refused = [result for result in body.get("results", [body]) if result["status"] != "stored"]
            if refused:
                raise _unexpected(path, status, refused[0])

    def _visit(self, customer_id: str, placement: str) -> Answer:
        path = "/v1/recommendations"
        question = {"customer_id": customer_id, "placement": placement, "limit": SHOWN}
        status, body = self._post(path, question)
        if status != HTTPStatus.OK:
            raise _unexpected(path, status, body)
        return Answer(
            recommendation_id=body["recommendation_id"],
            product_ids=tuple(product["product_id"] for product in body["products"]),
            offer_ids=tuple(offer["offer_id"] for offer in body["offers"]),
            variants={experiment["key"]: experiment["variant"] for experiment in body["experiments"]},
            degraded=body["degraded"] is not None,
        )

    def _claim(self, claim: Claim) -> bool:
        path = f"/v1/offers/{claim.offer_id}/claims"
        taken = {"customer_id": claim.customer_id, "recommendation_id": claim.recommendation_id}
        # One page, one claim: sent again after a lost answer, it would count once.
        status, body = self._post(path, taken, {"Idempotency-Key": claim.recommendation_id})
        if status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT):
            raise _unexpected(path, status, body)
        return status != HTTPStatus.CONFLICT

    def _post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        connection = self._connection()
        connection.request(
            "POST", path, json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
        )
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        return response.status, answer

    def _connection(self) -> HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
            self._connections.append(self._own.connection)
        connection: HTTPConnection = self._own.connection
        return connection


def _unexpected(path: str, status: int, body: dict[str, Any]) -> HuitouError:
    return HuitouError(
        f"The simulated shop's API answered {status} at {path}: {json.dumps(body, ensure_ascii=False)[:300]}",
        "This is a defect of the API rather than of the simulation; please report it.",
    )
