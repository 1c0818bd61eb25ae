"""What the simulated shop sells and what its customers put into their baskets; every chance is an rng."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CATEGORIES = ("bread", "fruit", "dairy", "coffee", "tea", "snacks", "pasta", "rice", "soap", "pets")
MORE_LINES = 1.2  # mean number of lines beyond the first
FROM_SERVED = 0.6  # share of lines that come from the served list, where it holds something to the taste
RELEVANT_TASTE = 0.1  # categories below this share of the taste do not interest a customer

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shop:
    """Products, sorted by category, and the taste of each customer.

    Attributes:
        category: int64[products], position in CATEGORIES.
        price: float64[products], in shop currency.
        margin: float64[products], as a share of the amount.
        popularity: float64[products].
        taste: float64[customers, categories], each row sums to 1.
    """

    category: Ints
    price: Floats
    margin: Floats
    popularity: Floats
    taste: Floats

    @cached_property
    def product_ids(self) -> tuple[str, ...]:
        """str[products]."""
        return tuple(f"p{i:05d}" for i in range(len(self.category)))

    @cached_property
    def position(self) -> dict[str, int]:
        """Where each product id stands."""
        return {product_id: i for i, product_id in enumerate(self.product_ids)}

    def picks(self, rng: np.random.Generator, customer: Ints) -> Ints:
        """int64[len(customer)]: a product for each entry, from a category by taste, in it by popularity."""
        steps = np.cumsum(self.taste, axis=1)
        wanted = (steps[customer] < rng.random((len(customer), 1)) * steps[customer, -1:]).sum(axis=1)
        cumulated = np.concatenate([[0.0], np.cumsum(self.popularity)])
        first = np.searchsorted(self.category, np.arange(len(CATEGORIES)), side="left")
        last = np.searchsorted(self.category, np.arange(len(CATEGORIES)), side="right")
        low, high = cumulated[first][wanted], cumulated[last][wanted]
        drawn = np.searchsorted(cumulated, low + rng.random(len(customer)) * (high - low), side="right") - 1
        inside: Ints = np.clip(drawn, first[wanted], last[wanted] - 1)
        return inside

    def interest(self, customer: int, served: Sequence[str]) -> Floats:
        """float64[len(served)]: the taste for each product, less the lower it stands; 0: not relevant."""
        products = [self.position[product_id] for product_id in served]
        taste: Floats = self.taste[customer, self.category[products]]
        return np.where(taste >= RELEVANT_TASTE, taste, 0.0) / np.arange(1, len(products) + 1)

    def basket(self, rng: np.random.Generator, customer: int, served: Sequence[str]) -> Ints:
        """int64[lines], distinct: what is bought of the served list, and what was wanted anyway."""
        lines = 1 + rng.poisson(MORE_LINES)
        own = self.picks(rng, np.full(lines, customer))
        interest = self.interest(customer, served)
        if interest.any():
            chosen = rng.choice(len(served), size=lines, p=interest / interest.sum())
            listed = np.array([self.position[served[i]] for i in chosen])
            own = np.where(rng.random(lines) < FROM_SERVED, listed, own)
        distinct: Ints = np.unique(own)
        return distinct

    def click(self, rng: np.random.Generator, customer: int, served: Sequence[str]) -> str | None:
        """The served product the customer looks at, or None: the better the list, the likelier."""
        interest = self.interest(customer, served)
        if rng.random() >= min(1.0, 2 * interest.sum()):
            return None
        return served[rng.choice(len(served), p=interest / interest.sum())]


def draw_shop(rng: np.random.Generator, *, customers: int, products: int) -> Shop:
    """Draw a shop; every category has a product, so that every taste can be served."""
    spare = rng.integers(0, len(CATEGORIES), products - len(CATEGORIES))
    return Shop(
        category=np.sort(np.concatenate([np.arange(len(CATEGORIES)), spare])),
        price=np.exp(rng.normal(3.2, 0.5, products)).round(2),
        margin=np.round(rng.uniform(0.15, 0.5, products), 3),
        popularity=rng.permutation(1.0 / np.arange(1, products + 1) ** 0.8),
        taste=rng.dirichlet(np.full(len(CATEGORIES), 0.3), customers),
    )
