"""The pieces of `make bench-experiments` still run, at next to no size: what they find is the benchmark's."""

import json
from math import inf, isfinite

import pytest

from tests.benchmarks.experiments import __main__ as benchmark
from tests.benchmarks.experiments.claims import TINY, Claim, share_at_least, share_near


@pytest.mark.parametrize("part", benchmark.PARTS)
def test_every_part_finds_its_claims(part):
    claims = list(benchmark.PARTS[part](TINY))
    assert claims
    for claim in claims:
        assert isfinite(claim.found)
        assert claim.settings
        json.dumps(claim.to_dict(), allow_nan=False)


def test_bounds_are_three_standard_errors():
    """Of 10,000 runs: √(.05 · .95 / 10,000) = .218 %, so 5 ± .65 % and 95 − .65 %."""
    near = share_near("", 500, 10_000, 0.05, "")
    assert (near.low, near.high, near.found) == (4.35, 5.65, 5.0)
    assert share_at_least("", 9_435, 10_000, 0.95, "").low == 94.35


def test_a_claim_that_fails_says_so():
    claim = Claim("x", 5.1, -inf, 5.0, "%", "none")
    assert not claim.ok
    assert claim.line() == "FAIL x: 5.1 % (≤ 5) · none"
    assert claim.to_dict()["low"] is None


def test_the_last_line_is_json_and_failures_exit_1(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "PARTS", {"none": lambda _: [Claim("x", 2.0, -inf, 1.0, "s", "none")]})
    assert benchmark.main(["--quick"]) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["ok"], last["claims"][0]["name"], last["scale"]) == (False, "x", "quick")
