"""What simulated customers buy and click follows their taste and the list they are shown."""

import numpy as np

from huitou.simulation.shop import CATEGORIES, FROM_SERVED, draw_shop

SHOP = draw_shop(np.random.default_rng(1), customers=200, products=300)
# Somebody who wants little but one category, and lists of that category only and without it.
LOVER = int(np.argmax(SHOP.taste.max(axis=1)))
LOVED = int(np.argmax(SHOP.taste[LOVER]))


def listed(of_category):
    wanted = SHOP.category == LOVED
    return [SHOP.product_ids[i] for i in np.flatnonzero(wanted if of_category else ~wanted)[:12]]


def test_every_category_has_products_and_taste_decides_the_pick():
    assert SHOP.taste[LOVER, LOVED] > 0.9
    assert set(SHOP.category.tolist()) == set(range(len(CATEGORIES)))
    picked = SHOP.category[SHOP.picks(np.random.default_rng(2), np.full(4000, LOVER))]
    share = np.bincount(picked, minlength=len(CATEGORIES)) / 4000
    assert np.abs(share - SHOP.taste[LOVER]).max() < 0.03


def test_a_basket_holds_products_once_and_takes_relevant_ones_from_the_list():
    def share_from(served):
        rng = np.random.default_rng(3)
        baskets = [SHOP.basket(rng, LOVER, served) for _ in range(1500)]
        assert all(len(set(basket.tolist())) == len(basket) > 0 for basket in baskets)
        products = np.concatenate(baskets)
        return np.isin(products, [SHOP.position[each] for each in served]).mean()

    # A list to the taste is bought from beside what would have been picked from it anyway.
    assert share_from(listed(True)) > FROM_SERVED - 0.1
    assert share_from(listed(False)) < 0.1


def test_clicks_go_to_lists_that_meet_the_taste():
    rng = np.random.default_rng(4)
    good = [SHOP.click(rng, LOVER, listed(True)) for _ in range(300)]
    poor = [SHOP.click(rng, LOVER, listed(False)) for _ in range(300)]
    assert all(product_id in listed(True) for product_id in good if product_id)
    clicked, missed = (sum(each is not None for each in some) for some in (good, poor))
    assert clicked > 250
    assert missed == 0
