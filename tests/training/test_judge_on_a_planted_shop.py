"""The judge on a shop whose truth is known: tasks, targets, leakage, blends."""

from datetime import date, timedelta

import numpy as np
import pytest

from features.columns import TASKS
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from training.backtest import find_hits, judge, task_targets
from training.blend_weights import choose_weights, judge_and_pool
from training.judgement import Bootstrap, leaderboard
from training.models.blend import Blend, BlendParams, Component
from training.models.registry import create
from training.purchases import PurchaseLog, day_number, read_purchases
from training.split import split

CUT = date(2024, 1, 1) + timedelta(days=212)
NAMES = ("popularity_28d", "personal_frequency", "item_knn")


@pytest.fixture(scope="module")
def log(synthetic_lake):
    settings, _ = synthetic_lake
    with open_lake(Lake(settings.lake)) as engine:
        return read_purchases(engine, CUT + timedelta(days=28))


@pytest.fixture(scope="module")
def window(log):
    return split(log, CUT, 28, 5)


@pytest.fixture(scope="module")
def models(window):
    return {name: create(name).fit(window.past) for name in NAMES}


def board(judgement, task):
    rows = leaderboard([judgement], task, "popularity_28d", Bootstrap(500, 1), 20)
    return {row["model"]: row for row in rows}


def test_personal_frequency_beats_popularity_where_people_restock(window, models):
    judgement = judge(window, models, threads=2)
    for task in ("all", "repeat"):
        rows = board(judgement, task)
        assert rows["personal_frequency"]["paired"]["ndcg@20"][1] > 0.1
        assert rows["personal_frequency"]["ndcg@20"] > rows["item_knn"]["ndcg@20"]


def test_personal_frequency_finds_the_planted_staples(window, models, synthetic_lake):
    _, truth = synthetic_lake
    staples = {c: truth.cadence_of(c) for c in window.past.customers.ids}
    scores = models["personal_frequency"].score(np.arange(len(staples), dtype=np.int32))
    favourite = [window.past.products.ids[p] for p in scores.argmax(axis=1)]
    loyal = [f in s for f, s in zip(favourite, staples.values(), strict=True) if len(s) > 1]
    assert np.mean(loyal) > 0.9


def test_repeat_and_discover_share_the_targets_out(window):
    every, repeat, discover = (task_targets(window, task).toarray() for task in TASKS)
    bought = window.past.matrix.toarray() > 0
    np.testing.assert_array_equal(repeat, every & bought)
    np.testing.assert_array_equal(discover, every & ~bought)
    assert repeat.any()
    assert discover.any()


def test_each_task_counts_customers_with_a_target_of_it(window, models):
    judgement = judge(window, models, threads=1)
    for task in TASKS:
        has_target = task_targets(window, task).sum(axis=1).A1 > 0
        ids = window.past.customers.ids
        assert judgement[task].customers == tuple(ids[i] for i in np.flatnonzero(has_target))
        assert all(len(values) == has_target.sum() for values in judgement[task].models.values())


class Oracle:
    """Knows the future, in reverse when asked: the best and the worst that any model can reach."""

    def __init__(self, window, sign=1.0):
        self.scores = sign * window.targets.toarray().astype(np.float32)

    def fit(self, interactions):
        return self

    def score(self, customers):
        return self.scores[customers]


def test_an_oracle_of_ones_own_reaches_one_on_every_task(window):
    judgement = judge(window, {"oracle": Oracle(window), "worst": Oracle(window, -1)}, threads=1)
    for task in TASKS:
        assert judgement[task].models["oracle"][:, 2] == pytest.approx(1)
        assert judgement[task].models["oracle"][:, 1] == pytest.approx(1)
    # 180 candidates of which a customer buys a few: nothing wanted stands in the first 20.
    assert judgement["all"].models["worst"].max() == 0


def test_rows_after_the_cut_never_change_a_score(log, window, models):
    rng = np.random.default_rng(1)
    late = log.day >= day_number(CUT)
    product = np.where(late, rng.permutation(log.product), log.product)
    shuffled = PurchaseLog(log.customers, log.products, log.customer, product, log.day)
    changed = split(shuffled, CUT, 28, 5)
    assert (changed.targets != window.targets).nnz > 0
    assert changed.past.products == window.past.products
    known = np.arange(200, dtype=np.int32)
    for name, model in models.items():
        again = create(name).fit(changed.past)
        np.testing.assert_array_equal(again.score(known), model.score(known))


def test_hits_are_looked_up_by_customer():
    from scipy.sparse import csr_matrix

    targets = csr_matrix(np.array([[0, 1, 1], [1, 0, 0]], bool))
    products = np.array([[1, 0, -1], [1, 0, 2]], np.int32)
    assert find_hits(products, targets).tolist() == [[True, False, False], [False, True, False]]


def test_pooled_quality_is_what_the_judge_finds(window, models):
    judgement, pools = judge_and_pool(window, models, threads=2)
    for task in TASKS:
        for place, name in enumerate(models):
            assert pools[task].ndcg(np.eye(3)[place]) == pytest.approx(
                judgement[task].models[name][:, 2].mean(), abs=1e-4
            )


def test_chosen_weights_are_no_worse_than_any_single_model(window, models):
    judgement, pools = judge_and_pool(window, models, threads=2)
    for task in TASKS:
        weights = choose_weights([pools[task]], list(models))
        assert sum(weights.values()) == pytest.approx(1, abs=1e-3)
        params = BlendParams(components=tuple(Component(model=n, weight=w) for n, w in weights.items()))
        found = judge(window, {"blend": Blend.of(models, params)}, 1, (task,))[task].models["blend"]
        singles = [values[:, 2].mean() for values in judgement[task].models.values()]
        assert found[:, 2].mean() > max(singles) - 1e-3
