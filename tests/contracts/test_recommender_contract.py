"""What every registered recommender keeps, and what each must find in a matrix whose answer is known."""

import numpy as np
import pytest

from features.errors import DataError, NotReadyError
from features.id_map import IdMap
from features.interactions import Interactions
from features.ranking.top_n import Seen, top_n
from training.models.base import FindsSimilar, Recommender
from training.models.registry import MODELS, create, default_spec, load

# Small matrices need less holding back than the defaults, which are made for thousands of customers.
SMALL_ALS = {"factors": 2, "regularization": 0.1}
PARAMS = {
    "implicit_als": SMALL_ALS,
    "blend": {
        "components": [
            {"model": "item_knn", "weight": 0.3},
            {"model": "implicit_als", "weight": 0.7, "params": SMALL_ALS},
        ]
    },
}
COLLABORATIVE = ("implicit_als", "item_knn", "rp3beta", "blend")


def interactions_of(matrix, age_days=None):
    """One entry per non-zero cell; its value is the weight."""
    customer, product = np.nonzero(matrix)
    age = np.zeros(len(customer)) if age_days is None else age_days[customer, product]
    return Interactions(
        customers=IdMap(f"c{i}" for i in range(matrix.shape[0])),
        products=IdMap(f"p{i}" for i in range(matrix.shape[1])),
        customer=customer.astype(np.int32),
        product=product.astype(np.int32),
        age_days=age.astype(np.float32),
        weight=matrix[customer, product].astype(np.float32),
    )


def checkerboard(size=12):
    """Customer i buys products of i's parity, all but product i: which is what should be found."""
    row, column = np.indices((size, size))
    return ((row + column) % 2 == 0) & (row != column)


def some_matrix():
    rng = np.random.default_rng(5)
    return rng.poisson(0.4, (30, 20)) * (1 + rng.integers(0, 2, (30, 1)))


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return create(name, PARAMS.get(name))


def test_scores_are_finite_float32_for_the_customers_asked(model):
    given = interactions_of(some_matrix())
    assert isinstance(model, Recommender)
    assert model.fit(given) is model
    everyone = model.score(np.arange(30, dtype=np.int32))
    assert everyone.shape == (30, 20)
    assert everyone.dtype == np.float32
    assert np.isfinite(everyone).all()
    assert everyone.std() > 0
    some = model.score(np.array([7, 3, 7], np.int32))
    np.testing.assert_allclose(some, everyone[[7, 3, 7]], rtol=1e-5, atol=1e-6)
    assert model.score(np.array([], np.int32)).shape == (0, 20)


def test_the_same_data_gives_the_same_scores_with_any_threads(name):
    given = interactions_of(some_matrix())
    everyone = np.arange(30, dtype=np.int32)
    one = create(name, PARAMS.get(name), threads=1).fit(given).score(everyone)
    other = create(name, PARAMS.get(name), threads=2).fit(given).score(everyone)
    np.testing.assert_array_equal(one, other)


def test_saved_and_loaded_it_scores_the_same(name, model, tmp_path):
    everyone = np.arange(30, dtype=np.int32)
    scores = model.fit(interactions_of(some_matrix())).score(everyone)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").score(everyone), scores)
    for archive in (tmp_path / "model").rglob("*.npz"):
        with np.load(archive, allow_pickle=False) as stored:
            assert all(stored[key].dtype != object for key in stored)


def test_unfitted_it_says_so(model):
    with pytest.raises(NotReadyError, match="not fitted"):
        model.score(np.array([0], np.int32))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_one_customer_one_product_one_interaction(model, shape):
    matrix = np.zeros(shape)
    matrix[-1, -1] = 1
    scores = model.fit(interactions_of(matrix)).score(np.arange(shape[0], dtype=np.int32))
    assert scores.shape == shape
    assert np.isfinite(scores).all()


def test_a_customer_without_purchases_gets_a_list(model):
    matrix = some_matrix()
    matrix[4] = 0
    scores = model.fit(interactions_of(matrix)).score(np.array([4], np.int32))
    listed = top_n(scores, 20).product[0]
    assert sorted(listed) == list(range(20))


@pytest.mark.parametrize("name", COLLABORATIVE)
def test_the_missing_square_of_a_checkerboard_is_found(name):
    board = checkerboard()
    model = create(name, PARAMS.get(name)).fit(interactions_of(board))
    everyone = np.arange(len(board), dtype=np.int32)
    seen = Seen(np.concatenate([[0], np.cumsum(board.sum(axis=1))]), np.nonzero(board)[1])
    best = top_n(model.score(everyone), 1, seen=seen, keep="unseen").product[:, 0]
    assert best.tolist() == everyone.tolist()


@pytest.mark.parametrize("name", [n for n in MODELS if isinstance(create(n), FindsSimilar)])
def test_similar_products_of_a_checkerboard_have_its_parity(name):
    model = create(name, PARAMS.get(name)).fit(interactions_of(checkerboard()))
    found = model.similar(np.array([0, 5], np.int32), 8)
    assert found.product.shape == (2, 8)
    for product, row in zip((0, 5), found.product, strict=True):
        assert product not in row
        same = [p for p in range(12) if p % 2 == product % 2 and p != product]
        assert sorted(row[:5]) == same
        rest = row[5:]
        assert len(set(rest[rest >= 0])) == (rest >= 0).sum()


def test_the_models_that_find_similar_products():
    assert {n for n in MODELS if isinstance(create(n), FindsSimilar)} == {
        "implicit_als",
        "item_knn",
        "rp3beta",
    }


def test_popularity_counts_distinct_buyers_within_its_window():
    matrix = np.array([[1, 1, 0], [3, 0, 1], [0, 0, 1]])
    age = np.array([[0, 40, 0], [27, 0, 28], [0, 0, 5]])
    given = interactions_of(matrix, age)
    assert create("popularity").fit(given).score(np.array([2], np.int32)).tolist() == [[2, 1, 2]]
    assert create("popularity_28d").fit(given).score(np.array([2], np.int32)).tolist() == [[2, 0, 1]]


def test_personal_frequency_is_the_mean_of_the_rates_at_each_half_life():
    # One customer bought product 0 today and 60 days ago, product 1 thirty days ago.
    given = Interactions(
        customers=IdMap(["c"]),
        products=IdMap(["a", "b", "never"]),
        customer=np.zeros(3, np.int32),
        product=np.array([0, 0, 1], np.int32),
        age_days=np.array([0, 60, 30], np.float32),
        weight=np.ones(3, np.float32),
    )
    model = create("personal_frequency", {"half_lives_days": (30, 60)}).fit(given)
    log2 = np.log(2)
    expected = [
        ((1 + 1 / 4) * log2 / 30 + (1 + 1 / 2) * log2 / 60) / 2,
        ((1 / 2) * log2 / 30 + 2**-0.5 * log2 / 60) / 2,
        0,
    ]
    np.testing.assert_allclose(model.score(np.array([0], np.int32))[0], expected, rtol=1e-6)


def test_item_knn_is_the_shrunk_cosine():
    # Products 0 and 1 have customer 0 in common; weights become log2(1 + 1) = 1.
    given = interactions_of(np.array([[1, 1], [1, 0]]))
    model = create("item_knn", {"half_life_days": None, "shrinkage": 2}).fit(given)
    cosine = 1 / np.sqrt((2 + 2) * (1 + 2))
    np.testing.assert_allclose(model.similar(np.array([0], np.int32), 1).score, [[cosine]], rtol=1e-6)
    np.testing.assert_allclose(model.score(np.array([1], np.int32)), [[0, cosine]], rtol=1e-6)


def test_rp3beta_is_the_probability_of_three_steps():
    # c0 buys p0, p1; c1 buys p0. From c1: p0 → c0 (1/2) → p1 (1/2); p1 has one buyer, so β changes nothing.
    given = interactions_of(np.array([[1, 1], [1, 0]]))
    model = create("rp3beta", {"alpha": 1, "beta": 0.5}).fit(given)
    np.testing.assert_allclose(model.score(np.array([1], np.int32)), [[0, 1 / 2 * 1 / 2]], rtol=1e-6)
    # From c0: half at p1, from there to c0 and with 1/2 to p0, which its two buyers hold back by 2^-β;
    # half at p0, from there with 1/2 to c0 and with 1/2 to p1.
    expected = [[1 / 2 * 1 / 2 * 2**-0.5, 1 / 2 * 1 / 2 * 1 / 2]]
    np.testing.assert_allclose(model.score(np.array([0], np.int32)), expected, rtol=1e-6)


def test_a_blend_is_the_weighted_sum_of_standardised_scores():
    given = interactions_of(some_matrix())
    everyone = np.arange(30, dtype=np.int32)
    parts = [("popularity", 0.25), ("personal_frequency", 0.75)]
    blend = create("blend", {"components": [{"model": n, "weight": w} for n, w in parts]}).fit(given)
    expected = np.zeros((30, 20))
    for part, weight in parts:
        scores = create(part).fit(given).score(everyone).astype(np.float64)
        deviation = scores.std(axis=1, keepdims=True)
        deviation[deviation == 0] = 1
        expected += weight * (scores - scores.mean(axis=1, keepdims=True)) / deviation
    np.testing.assert_allclose(blend.score(everyone), expected, atol=1e-5)


def test_unknown_names_and_parameters_list_the_known_ones():
    with pytest.raises(DataError, match=r"'svd'.*popularity_28d.*implicit_als"):
        create("svd")
    with pytest.raises(DataError, match=r"facters.*Known: factors"):
        create("implicit_als", {"facters": 3})
    with pytest.raises(DataError, match=r"neighbours of item_knn"):
        create("item_knn", {"neighbours": 0})


def test_loading_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match="no saved recommender"):
        load(tmp_path)
    create("popularity").fit(interactions_of(some_matrix())).save(tmp_path)
    with pytest.raises(DataError, match="another model"):
        create("popularity_28d").load(tmp_path)


def test_the_default_specification_is_complete_and_seeded():
    spec = default_spec("implicit_als", seed=3)
    assert spec.params["seed"] == 3
    assert spec.create().params.model_dump(mode="json") == spec.params
    assert default_spec("popularity_28d", seed=3).params == {"window_days": 28}
