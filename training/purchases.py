"""What customers bought on which local day, read once and cut at any date."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.errors import NotReadyError
from features.id_map import IdMap
from features.interactions import Interactions
from features.tables.engine import Engine, read_sql

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class PurchaseLog:
    """One entry per customer, product and local day with a paid purchase.

    Attributes:
        customers, products: sorted ids.
        customer: int32[n]; product: int32[n]; day: int32[n], days since 1970-01-01.
    """

    customers: IdMap
    products: IdMap
    customer: NDArray[np.int32]
    product: NDArray[np.int32]
    day: NDArray[np.int32]

    @property
    def first_day(self) -> date:
        """The earliest local day with a purchase."""
        return EPOCH + timedelta(days=int(self.day.min()))

    def before(self, cut: date, minimum_buyers: int = 1, recent_days: int = 28) -> Interactions:
        """The purchases of local days before a cut, as interactions.

        Customers are those with a purchase before the cut. Products are those with enough buyers before it,
        best sellers of the last `recent_days` days first (then by all buyers, then by id): `top_n` gives ties
        to the lower index, so this order is also the backfill.

        Args:
            cut: the first local day that is not used.
            minimum_buyers: distinct customers a product needs before the cut.
            recent_days: the window of the best sellers.

        Raises:
            NotReadyError: nobody bought anything before the cut, or no product has enough buyers.
        """
        age = day_number(cut) - 1 - self.day
        past = age >= 0
        if not past.any():
            raise NotReadyError(
                f"There is no purchase before {cut}.", "Ingest earlier orders or take a later date."
            )
        bought_on, customer, product = age[past], self.customer[past], self.product[past]
        buyers = self._buyers(customer, product)
        recent = bought_on < recent_days
        recent_buyers = self._buyers(customer[recent], product[recent])
        order = np.lexsort((np.arange(len(buyers)), -buyers, -recent_buyers))
        kept = order[buyers[order] >= max(1, minimum_buyers)]
        if not len(kept):
            raise NotReadyError(
                f"No product has {minimum_buyers} buyers before {cut}.",
                "Ingest earlier orders, take a later date, or lower training.minimum_buyers.",
            )
        present = np.unique(customer)
        column, row = positions(kept, len(self.products)), positions(present, len(self.customers))
        entry = column[product] >= 0
        return Interactions(
            customers=IdMap(self.customers.ids[i] for i in present),
            products=IdMap(self.products.ids[i] for i in kept),
            customer=row[customer[entry]],
            product=column[product[entry]],
            age_days=bought_on[entry].astype(np.float32),
            weight=np.ones(int(entry.sum()), np.float32),
        )

    def _buyers(self, customer: NDArray[np.int32], product: NDArray[np.int32]) -> NDArray[np.int64]:
        """int64[products]: distinct customers of each product."""
        pairs = np.unique(customer.astype(np.int64) * len(self.products) + product)
        return np.bincount(pairs % len(self.products), minlength=len(self.products))


def read_purchases(engine: Engine, as_of: date) -> PurchaseLog:
    """All purchases of local days before a date.

    Raises:
        NotReadyError: the lake has no purchase before the date.
    """
    engine.execute(f"CREATE OR REPLACE TEMPORARY VIEW consent AS {read_sql('consent')}")
    table = engine.query(read_sql("purchase_days"), {"as_of": as_of})
    if table.num_rows == 0:
        raise NotReadyError(
            f"The lake has no purchase before {as_of}.", "Run: huitou ingest SOURCE, or take a later date."
        )
    customers, customer = _encode(table["customer_id"])
    products, product = _encode(table["product_id"])
    day = table["day"].cast(pa.int32()).to_numpy()
    # SQL gives the rows in any order; sums of floats, and so the models, must not depend on it.
    order = np.lexsort((day, product, customer))
    return PurchaseLog(customers, products, customer[order], product[order], day[order])


def newest_day(engine: Engine) -> date:
    """The local day of the newest order line.

    Raises:
        NotReadyError: the lake has no order.
    """
    newest = engine.query("SELECT CAST(MAX(local_at) AS DATE) AS day FROM orders")["day"][0].as_py()
    if newest is None:
        raise NotReadyError("The lake has no orders.", "Run: huitou ingest SOURCE")
    day: date = newest
    return day


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def positions(chosen: NDArray[np.integer], size: int) -> NDArray[np.int32]:
    """int32[size]: where each index stands in `chosen`, -1 if it does not."""
    place = np.full(size, -1, np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    return place


def _encode(column: pa.ChunkedArray) -> tuple[IdMap, NDArray[np.int32]]:
    """Sorted unique ids and the index of each row's id."""
    encoded = column.combine_chunks().dictionary_encode()
    ids = encoded.dictionary.to_pylist()
    order = sorted(range(len(ids)), key=ids.__getitem__)
    place = positions(np.asarray(order), len(ids))
    return IdMap(ids[i] for i in order), place[encoded.indices.to_numpy()]
