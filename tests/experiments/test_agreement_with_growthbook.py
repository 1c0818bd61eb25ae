"""GrowthBook's own SDK assigns every customer as we do: 10,000 random experiments and ids."""

import random
from datetime import date

from growthbook import Experiment, GrowthBook

from experiments.design import parse_design
from experiments.running import place

CASES = 10_000
DAY = date(2026, 3, 1)
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@ ",
    "0123456789",
    "客户回头复购优惠券张王李",
    "éàüßñçøåŁžА́Жя",
    "😀👍🏽🎁𝔘𐍈",
)


def random_text(rng: random.Random, longest: int) -> str:
    letters = "".join(rng.sample(ALPHABETS, rng.randint(1, 3)))
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, longest)))


def random_design(rng: random.Random):
    shares = [rng.uniform(0.05, 1) for _ in range(rng.randint(2, 5))]
    total = sum(shares) / rng.uniform(0.991, 1.009)
    values = {
        "key": f"experiment {rng.randint(1, 10**9)}",
        "rule": "fixed",
        "variants": [{"key": f"v{i}", "weight": share / total} for i, share in enumerate(shares)],
        "coverage": rng.choice([1.0, rng.uniform(0.01, 1)]),
    }
    if rng.random() < 0.7:
        values["seed"] = random_text(rng, 20)
    if rng.random() < 0.5:
        name = rng.choice(["home", "唤回", "a.b-c_d 1"])
        start, end = sorted([rng.randint(0, 999) / 1000, rng.randint(1, 1000) / 1000])
        values["layer"] = {"name": name, "range": [start, max(end, start + 0.001)]}
    return parse_design(values)


def in_growthbook(design, customer: str) -> int | None:
    layer = design.layer
    experiment = Experiment(
        key=design.key,
        variations=[variant.key for variant in design.variants],
        weights=[variant.weight for variant in design.variants],
        coverage=design.coverage,
        hashVersion=2,
        seed=design.hash_seed,
        namespace=None if layer is None else (layer.name, *layer.range),
    )
    answer = GrowthBook(attributes={"id": customer}).run(experiment)
    return answer.variationId if answer.inExperiment else None


def test_the_sdk_agrees_on_every_case():
    rng = random.Random(20260301)
    outcomes, differ = [], []
    for _ in range(CASES):
        design, customer = random_design(rng), random_text(rng, 40)
        expected = in_growthbook(design, customer)
        if place(design, customer, {}, DAY)[0] != expected:
            differ.append((design, customer))
        outcomes.append(expected)
    assert differ == []
    # Both answers occur often, or the agreement would mean little.
    assert CASES * 0.2 < outcomes.count(None) < CASES * 0.8
    assert {0, 1, 2, 3, 4} <= set(outcomes)
