"""Which products an answer may hold: pure functions over arrays of product indices."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.release.read import ProductTable
from serving.schemas import PriceRange, ProductFilter

Products = NDArray[np.uint32]
Mask = Callable[[Products], NDArray[np.bool_]]


def known_indices(table: ProductTable, product_ids: Iterable[str]) -> list[int]:
    """Indices of the ids that the release knows, in order."""
    found = (table.index(product_id) for product_id in product_ids)
    return [index for index in found if index is not None]


def allowed(table: ProductTable, conditions: ProductFilter | None, excluded: Sequence[int] = ()) -> Mask:
    """A function from uint32[n] products to bool[n]: valid, not excluded, and meeting every condition."""
    masks: list[Mask] = [lambda products: table.valid[products]]
    if excluded:
        masks.append(lambda products: ~np.isin(products, excluded))
    if conditions is not None:
        if conditions.category is not None:
            masks.append(_among(conditions.category, table.categories, table.category_code))
        if conditions.brand is not None:
            masks.append(_among(conditions.brand, table.brands, table.brand_code))
        if conditions.price is not None:
            masks += _price(table, conditions.price)
        if conditions.in_stock is not None:
            masks.append(_stock(table, conditions.in_stock))

    def mask(products: Products) -> NDArray[np.bool_]:
        keep = masks[0](products)
        for further in masks[1:]:
            keep = keep & further(products)
        return keep

    return mask


def _among(names: Iterable[str], vocabulary: tuple[str, ...], codes: NDArray[np.uint32]) -> Mask:
    """Products whose name in a sorted vocabulary is one of `names`; unknown names match nothing."""
    places = {name: bisect_left(vocabulary, name) for name in names}
    wanted = [place for name, place in places.items() if vocabulary[place : place + 1] == (name,)]
    return lambda products: np.isin(codes[products], wanted)


def _price(table: ProductTable, price: PriceRange) -> list[Mask]:
    # NaN (no price) compares false with everything, so such products are outside every range.
    masks: list[Mask] = []
    if price.min is not None:
        masks.append(lambda products, low=price.min: table.prices[products] >= low)  # type: ignore[misc]
    if price.max is not None:
        masks.append(lambda products, high=price.max: table.prices[products] <= high)  # type: ignore[misc]
    return masks


def _stock(table: ProductTable, wanted: bool) -> Mask:
    return lambda products: table.in_stock[products] == wanted
