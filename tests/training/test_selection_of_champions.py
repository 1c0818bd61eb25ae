"""Who fills a placement: the best on earlier windows, if it is proven."""

import numpy as np

from training.judgement import Bootstrap, TaskValues
from training.selection import choose, choose_all
from training.study import Budget

BOOTSTRAP = Bootstrap(500, 3)
BASE = np.random.default_rng(0).random(200) * 0.2


def judged(**models):
    values = {name: np.repeat(v[:, None], 3, axis=1) for name, v in models.items()}
    task = TaskValues(tuple(map(str, range(200))), values)
    return {"all": task, "repeat": task, "discover": task}


def test_the_best_wins_where_none_reigns():
    window = judged(popularity_28d=BASE, item_knn=BASE + 0.01, blend=BASE + 0.02)
    choice = choose([window], "home", None, BOOTSTRAP)
    assert (choice.model, choice.challenger) == ("blend", None)


def test_the_reigning_model_stays_until_it_is_beaten_with_certainty():
    noise = np.random.default_rng(1).normal(0, 0.3, 200)
    lucky = BASE + noise - noise.mean() + 0.001
    window = judged(popularity_28d=BASE, item_knn=BASE + 0.05, blend=lucky + 0.05)
    choice = choose([window], "home", "item_knn", BOOTSTRAP)
    assert (choice.model, choice.challenger) == ("item_knn", "blend")


def test_a_reigning_model_follows_itself_and_cannot_lose_unjudged():
    window = judged(popularity_28d=BASE, item_knn=BASE + 0.01)
    assert choose([window], "home", "item_knn", BOOTSTRAP).model == "item_knn"
    assert choose([window], "home", "implicit_als", BOOTSTRAP).model == "implicit_als"


def test_without_a_window_simple_models_are_used():
    choices = choose_all([], {"discover": "item_knn"}, BOOTSTRAP)
    assert {placement: choice.model for placement, choice in choices.items()} == {
        "home": "personal_frequency",
        "buy_again": "personal_frequency",
        "discover": "item_knn",
    }


def test_a_budget_counts_from_its_start():
    seconds = iter([100.0, 130.0, 190.0])
    budget = Budget(1.0, clock=lambda: next(seconds))
    assert budget.left == 60 - 30
    assert budget.left == 60 - 90
    assert Budget(None).left == float("inf")
