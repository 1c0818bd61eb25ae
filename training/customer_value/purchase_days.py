"""The purchase days of each customer, and the purchase histories that follow from them at a date."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.errors import NotReadyError
from features.tables.engine import Engine, read_sql
from training.customer_value.summary import DAYS_OF_UNIT, CustomerSummary, Floats, as_text
from training.purchases import EPOCH, day_number


@dataclass(frozen=True)
class PurchaseDays:
    """One entry per customer and local day with a purchase, sorted by customer and day.

    Attributes:
        customer_ids: text[customers], sorted.
        customer: int32[n], place in `customer_ids`.
        day: int32[n], days since 1970-01-01.
        amount: float64[n], what the customer paid on that day.
        rejected: reason → lines of the source that were left out.
    """

    customer_ids: pa.Array
    customer: NDArray[np.int32]
    day: NDArray[np.int32]
    amount: Floats
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def newest_day(self) -> date:
        """The last day with a purchase."""
        return date.fromordinal(EPOCH.toordinal() + int(self.day.max()))

    @property
    def first_day(self) -> date:
        """The first day with a purchase."""
        return date.fromordinal(EPOCH.toordinal() + int(self.day.min()))

    def summary(self, end: date, time_unit: str) -> CustomerSummary:
        """The histories of the customers with a purchase by a day, observed until the end of that day.

        Args:
            end: the last day that is looked at; T counts to it.
            time_unit: day or week.

        Raises:
            NotReadyError: nobody bought anything by that day.
        """
        last_day = day_number(end)
        seen = self.day <= last_day
        if not seen.any():
            raise NotReadyError(f"Nobody bought anything by {end}.", "Give earlier orders or a later date.")
        customer, day, amount = self.customer[seen], self.day[seen], self.amount[seen]
        starts = np.flatnonzero(np.diff(customer, prepend=-1))
        days = np.diff(starts, append=len(customer))
        first, last = day[starts], day[starts + days - 1]
        repeats = days - 1.0
        repeat_amount = np.add.reduceat(amount, starts) - amount[starts]
        monetary_value = np.full(len(starts), np.nan)
        np.divide(repeat_amount, repeats, out=monetary_value, where=repeats > 0)
        unit = DAYS_OF_UNIT[time_unit]
        return CustomerSummary(
            customer_id=self.customer_ids.take(pa.array(customer[starts])),
            frequency=repeats,
            recency=(last - first) / unit,
            T=(last_day - first) / unit,
            monetary_value=monetary_value,
            time_unit=time_unit,
        )

    def after(self, end: date, customer_ids: pa.Array) -> tuple[Floats, Floats]:
        """What customers did after a day.

        Returns:
            float64[n], purchase days; float64[n], what was paid on them.
        """
        later = self.day > day_number(end)
        customers = len(self.customer_ids)
        days = np.bincount(self.customer[later], minlength=customers)
        paid = np.bincount(self.customer[later], self.amount[later], minlength=customers)
        place = pc.index_in(customer_ids, value_set=self.customer_ids).to_numpy(zero_copy_only=False)
        known = ~np.isnan(place)
        found = np.where(known, place, 0).astype(np.intp)
        return np.where(known, days[found], 0).astype(np.float64), np.where(known, paid[found], 0.0)


def purchase_days(table: pa.Table, rejected: Mapping[str, int] | None = None) -> PurchaseDays:
    """From rows of customer_id, day (date) and amount, sorted by customer and day.

    Raises:
        NotReadyError: there is no row.
    """
    if table.num_rows == 0:
        raise NotReadyError("There is no purchase to look at.", "Ingest orders, or take a later date.")
    ids = as_text(table["customer_id"])
    encoded = ids.dictionary_encode()
    return PurchaseDays(
        customer_ids=encoded.dictionary,
        customer=encoded.indices.to_numpy(),
        day=table["day"].cast(pa.date32()).combine_chunks().cast(pa.int32()).to_numpy(),
        amount=table["amount"].combine_chunks().cast(pa.float64()).to_numpy(zero_copy_only=False),
        rejected=dict(rejected or {}),
    )


def lake_purchase_days(engine: Engine, as_of: date) -> PurchaseDays:
    """The purchase days before a date in the lake, as the profile of that date counts them.

    Raises:
        NotReadyError: the lake has no purchase before the date.
    """
    engine.execute(f"CREATE OR REPLACE TEMPORARY VIEW consent AS {read_sql('consent')}")
    net_sales = read_sql("sales_net_of_returns")
    table = engine.query(
        f"WITH net_sales AS ({net_sales}\n) {read_sql('customer_purchase_days')}", {"as_of": as_of}
    )
    if table.num_rows == 0:
        raise NotReadyError(
            f"The lake has no purchase before {as_of}.", "Run: huitou ingest SOURCE, or take a later date."
        )
    return purchase_days(table)
