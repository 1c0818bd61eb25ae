"""How long the console takes to show a stored report: the real app over its own database, no cache."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from starlette.testclient import TestClient

from experiments.analysis.charts import draw_charts
from experiments.design import parse_design
from features.database.store import open_database
from features.release.write import write_release
from features.settings import Settings, load_settings
from serving.app import create_app
from tests.benchmarks.experiments.claims import Claim, Scale, at_most
from tests.support.releases import small_contents
from tests.support.reports import DESIGN, example_report, stored_body

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
REQUESTS = 20
PAGE = f"/console/experiments/{DESIGN['key']}"


def results_page(_: Scale) -> Iterator[Claim]:
    """The whole page, six charts in it, asked for in turns in both languages."""
    with TemporaryDirectory() as folder:
        settings = load_settings(workspace=Path(folder), overrides={"cache": {"redis_url": ""}})
        stored = _store(settings)
        app = create_app(settings, lambda: NOW)
        with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
            client.get(PAGE)
            seconds, size = [], 0
            for request in range(REQUESTS):
                start = perf_counter()
                answer = client.get(PAGE, params={"lang": ("zh", "en")[request % 2]})
                seconds.append(perf_counter() - start)
                assert answer.status_code == 200, answer.text
                assert "<svg" in answer.text, "the page shows no chart"
                size = len(answer.content)
    found = (
        f"median of {REQUESTS} requests, slowest {1000 * max(seconds):.0f} ms; "
        f"report of {stored / 1000:.0f} kB, page of {size / 1000:.0f} kB"
    )
    yield at_most("A results page", 1000 * median(seconds), 200.0, "ms", found)


def _store(settings: Settings) -> int:
    """A live release, a running experiment and its report; gives the report's size in bytes."""
    release = write_release(settings.releases, small_contents()).name
    design = parse_design(DESIGN)
    report = example_report()
    body = stored_body(report | {"charts": draw_charts(report)})
    with open_database(settings.database_url) as database:
        database.set_live(release, NOW)
        kept = database.experiments
        version = kept.save_design(design.key, design.to_json(), "benchmark", NOW)
        kept.set_state(design.key, "running", "benchmark", NOW)
        kept.add_report(design.key, version, body, NOW, data_through=date(2026, 3, 1), actor="benchmark")
    return len(body)
