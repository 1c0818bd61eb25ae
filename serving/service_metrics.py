"""What the service says about itself, in Prometheus' text format; one registry per app, nothing global."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)


class ServiceMetrics:
    """Counters and gauges of one worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "huitou_requests",
            "HTTP requests by route and status.",
            ["route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "huitou_request_seconds",
            "Time from the first byte of a request to its answer.",
            ["route"],
            buckets=LATENCY_BUCKETS,
            registry=self._registry,
        )
        self._recommendations = Counter(
            "huitou_recommendations",
            "Recommendation answers by placement and what was degraded.",
            ["placement", "degraded"],
            registry=self._registry,
        )
        self._fallbacks = Counter(
            "huitou_fallbacks",
            "Times an answer did without something: cache, database, or the personal part altogether.",
            ["missing"],
            registry=self._registry,
        )
        self._events = Counter(
            "huitou_events", "Events received by what became of them.", ["status"], registry=self._registry
        )
        self._exposures = Counter(
            "huitou_exposures",
            "Exposures of customers to experiments by what became of them: logged, known (logged before), "
            "refused (database out or queue full; the control applied), left_out (it could not be served).",
            ["status"],
            registry=self._registry,
        )
        self._claims = Counter(
            "huitou_offer_claims", "Claims of offers by result.", ["result"], registry=self._registry
        )
        self.cache_available = self._gauge("huitou_cache_available", "1 while Redis answers.")
        self.database_available = self._gauge("huitou_database_available", "1 while the database answers.")
        self.release_age_days = self._gauge(
            "huitou_release_age_days", "Days from the as-of date of the served release to now."
        )
        self.event_queue = self._gauge("huitou_event_queue", "Events waiting for the database.")
        self.exposure_queue = self._gauge("huitou_exposure_queue", "Exposures waiting for the database.")
        self.claim_queue = self._gauge("huitou_claim_queue", "Claims of offers waiting for the database.")

    def _gauge(self, name: str, description: str) -> Gauge:
        return Gauge(name, description, registry=self._registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a finished request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def recommendation(self, placement: str, degraded: str | None) -> None:
        """Count a recommendation answer."""
        self._recommendations.labels(placement, degraded or "none").inc()

    def fallback(self, missing: str) -> None:
        """Count an answer that did without `cache`, `database` or `personal`."""
        self._fallbacks.labels(missing).inc()

    def event(self, status: str) -> None:
        """Count an event as `stored`, `duplicate` or `invalid`."""
        self._events.labels(status).inc()

    def exposures(self, status: str, count: int) -> None:
        """Count exposures as `logged`, `known`, `refused` or `left_out`."""
        if count:
            self._exposures.labels(status).inc(count)

    def claim(self, result: str) -> None:
        """Count a claim as `claimed`, `repeated` or the code of its refusal."""
        self._claims.labels(result).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
