"""Which products an answer may hold: pure functions over arrays of product indices."""

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
            masks.append(_category(table, conditions.category))
        if conditions.brand is not None:
            masks.append(_brand(table, conditions.brand))
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


def _category(table: ProductTable, names: list[str]) -> Mask:
    wanted = set(names)
    codes = [code for code, name in enumerate(table.categories) if name in wanted]
    return lambda products: np.isin(table.category_code[products], codes)


def _brand(table: ProductTable, names: list[str]) -> Mask:
    def mask(products: Products) -> NDArray[np.bool_]:
        brands = table.brands[products]
        keep = np.zeros(len(products), dtype=np.bool_)
        for name in names:
            keep |= np.asarray(brands == name, dtype=np.bool_)
        return keep

    return mask


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
