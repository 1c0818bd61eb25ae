"""The design file of an experiment: what is compared, on whom, by which rule; checked when it is read.

It is a TOML file, written before the first customer is exposed:

    key = "win-back-offer"            # also the hash seed unless seed is given
    hypothesis = "An offer brings lapsing customers back"
    variants = [{key = "control", weight = 0.5}, {key = "offer", weight = 0.5}]   # the first is the control
    rule = "hybrid"                   # fixed | sequence | hybrid
    planned_matured_customers = 20000 # all variants together
    primary = "repeat_purchase_d30"
    guardrails = [{measure = "revenue_d30", margin_relative = -0.02}]
    [[metrics]]
    key = "visit"
    kind = "proportion"               # mean | proportion | ratio | retention
    covariate = "pre_orders"          # CUPED, optional
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from features.errors import DataError
from features.measures.registry import EXPERIMENT_MEASURES, WINDOW_IN_KEY, windowed

Kind = Literal["mean", "proportion", "ratio", "retention"]
Rule = Literal["fixed", "sequence", "hybrid"]
WEIGHT_SUMS = (0.99, 1.01)
# Letters of any script: keys are read by people, stand in URLs, and quotes in them only ever cause accidents.
PLAIN_NAME = re.compile(r"\w[\w .-]{0,99}")
DEFAULT_WINDOW_DAYS = 30


def _plain(name: str) -> str:
    if not PLAIN_NAME.fullmatch(name) or name != name.strip():
        raise ValueError(f"{name!r} is no plain name; use letters, digits, space, '_', '-' and '.'")
    return name


Name = Annotated[str, AfterValidator(_plain)]


class _Part(BaseModel):
    """A piece of the design: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_by_name=True)


class Rerank(_Part):
    """How the products of an answer are put in another order.

    Attributes:
        max_per_category: products of one category at most, as long as others are left.
        boost_categories: category to factor: a product at place 6 with factor 2 ranks as if at place 3;
            below 1 it ranks later.
        bury_categories: products of these categories come after all others.
    """

    max_per_category: int | None = Field(default=None, ge=1)
    boost_categories: dict[str, Annotated[float, Field(gt=0, le=100)]] = {}
    bury_categories: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.max_per_category is None and not self.boost_categories and not self.bury_categories:
            raise ValueError("it changes nothing; state one of its keys or remove it")
        both = set(self.boost_categories) & set(self.bury_categories)
        if both:
            raise ValueError(f"the category {min(both)!r} is both boosted and buried")
        return self


class Treatment(_Part):
    """What a variant changes in serving; an empty one changes nothing.

    Attributes:
        offer_policy: shows the offers that name this policy beside those that name none; `none` shows none.
        release: alias of the release that answers instead of the live one.
        rerank: how products are put in another order.
    """

    offer_policy: Name | None = None
    release: Name | None = None
    rerank: Rerank | None = None


class Variant(_Part):
    """One arm: its share of the customers, and what it changes in serving."""

    key: Name
    weight: float
    treatment: Treatment = Treatment()

    @field_validator("weight")
    @classmethod
    def _above_zero(cls, weight: float) -> float:
        if not 0 < weight <= 1:
            raise ValueError(
                f"a weight of {weight:g} is not above 0 and up to 1; remove a variant that nobody gets"
            )
        return weight


class Layer(_Part):
    """A slice of a layer, within which experiments exclude one another."""

    name: Name
    range: tuple[float, float]

    @field_validator("range")
    @classmethod
    def _inside_one(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= ends[0] < ends[1] <= 1:
            raise ValueError("range needs two rising numbers between 0 and 1")
        return ends


class Ramp(_Part):
    """A step of the coverage: from a local day on."""

    start: date = Field(alias="from")
    coverage: float = Field(gt=0, le=1)


class Guardrail(_Part):
    """A measure that must not get worse than a margin.

    Attributes:
        measure: key of a metric.
        margin_relative: the worst tolerable relative change: −0.02 lets it fall by 2 % at most; a positive
            one is for measures that must not rise, such as returns.
    """

    measure: Name
    margin_relative: float = Field(gt=-1, le=1)


class Metric(_Part):
    """What is measured per customer.

    Attributes:
        key: its name in reports.
        kind: mean, proportion (0 or 1), ratio (Σ column / Σ denominator), retention (an order in the window).
        column: where the values are; the key unless stated. From an order log: `orders` or `amount`.
        denominator: a ratio's second column.
        covariate: something known before exposure, for CUPED; from an order log: `pre_orders`, `pre_amount`.
        days: local days after exposure that count, from an order log only; unless stated, read from a key
            that ends in `d7`, `d30`, …, else 30.
        winsorise_at: values above this quantile of all variants together count as the quantile; means only.
    """

    key: Name
    kind: Kind
    column: str | None = Field(default=None, min_length=1)
    denominator: str | None = Field(default=None, min_length=1)
    covariate: str | None = Field(default=None, min_length=1)
    days: int | None = Field(default=None, ge=1, le=730)
    winsorise_at: float | None = Field(default=None, gt=0.5, lt=1)

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        if (self.denominator is not None) != (self.kind == "ratio"):
            raise ValueError(f"metric {self.key!r}: a ratio needs a denominator, and only a ratio has one")
        if self.winsorise_at is not None and self.kind != "mean":
            raise ValueError(f"metric {self.key!r}: winsorise_at is for kind mean")
        if self.covariate is not None and self.kind == "ratio":
            raise ValueError(f"metric {self.key!r}: a covariate is for means, proportions and retention")
        if self.column is not None and self.kind == "retention":
            raise ValueError(f"metric {self.key!r}: retention is read from an order log and has no column")
        return self

    @property
    def value_column(self) -> str:
        """The column of the values."""
        return self.column or self.key

    @property
    def window_days(self) -> int:
        """Local days after exposure that count when the outcomes are an order log."""
        in_key = WINDOW_IN_KEY.search(self.key)
        return self.days or (int(in_key[1]) if in_key and int(in_key[1]) else DEFAULT_WINDOW_DAYS)


def order_log_metric(key: str) -> Metric | None:
    """The metric of a measure of the registry, such as `orders_d7`, which needs no [[metrics]] entry."""
    found = windowed(key)
    if found is None:
        return None
    measure, _ = found
    if measure.kind == "return":
        # It compares two metrics, and has a section of its own in a report.
        return None
    return Metric(
        key=key,
        kind=measure.kind,
        column=None if measure.kind == "retention" else measure.numerator,
        denominator=measure.denominator,
        winsorise_at=measure.winsorise_at,
    )


class Design(_Part):
    """A whole design; the first variant is the control."""

    key: Name
    hypothesis: str = ""
    variants: tuple[Variant, ...]
    coverage: float = Field(default=1.0, gt=0, le=1)
    rule: Rule = "hybrid"
    alpha: float = Field(default=0.05, gt=0, le=0.5)
    planned_matured_customers: int | None = Field(default=None, ge=1)
    minimum_days: int = Field(default=0, ge=0)
    primary: Name | None = None
    guardrails: tuple[Guardrail, ...] = ()
    metrics: tuple[Metric, ...] = ()
    seed: str | None = Field(default=None, min_length=1)
    layer: Layer | None = None
    schedule: tuple[Ramp, ...] = ()
    targeting: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    forced: dict[str, Name] = {}

    @model_validator(mode="after")
    def _variants_share_everyone(self) -> Self:
        if len(self.variants) < 2:
            raise ValueError("variants needs a control and at least one other")
        refuse_twice("variant", (variant.key for variant in self.variants))
        total = sum(variant.weight for variant in self.variants)
        if not WEIGHT_SUMS[0] <= total <= WEIGHT_SUMS[1]:
            raise ValueError(f"the weights sum to {total:g}; make them sum to 1")
        strangers = set(self.forced.values()) - {variant.key for variant in self.variants}
        if strangers:
            raise ValueError(f"forced names the variant {min(strangers)!r}, which variants does not")
        return self

    @model_validator(mode="after")
    def _the_schedule_rises(self) -> Self:
        for before, after in zip(self.schedule, self.schedule[1:], strict=False):
            if after.start <= before.start or after.coverage < before.coverage:
                raise ValueError(
                    f"schedule goes from {before.coverage:g} on {before.start} to {after.coverage:g} on "
                    f"{after.start}; days must rise and the coverage may not fall"
                )
        if self.schedule and self.schedule[-1].coverage > self.coverage:
            raise ValueError(
                f"schedule goes up to {self.schedule[-1].coverage:g}, beyond the coverage {self.coverage:g}"
            )
        return self

    @model_validator(mode="after")
    def _measures_are_known(self) -> Self:
        refuse_twice("metric", (metric.key for metric in self.metrics))
        known = {metric.key for metric in self.metrics}
        named = [self.primary_key, *(guardrail.measure for guardrail in self.guardrails)]
        for key in named:
            if key not in known and order_log_metric(key) is None:
                raise ValueError(
                    f"{key!r} is neither one of [[metrics]] nor a measure of the registry "
                    f"({known_measures()})"
                )
        return self

    @model_validator(mode="after")
    def _the_rule_has_its_end(self) -> Self:
        if self.rule != "fixed" and self.planned_matured_customers is None:
            raise ValueError(
                f"rule {self.rule!r} needs planned_matured_customers, all variants together; "
                "rule 'fixed' does without"
            )
        return self

    @property
    def hash_seed(self) -> str:
        """The salt of the assignment."""
        return self.seed or self.key

    def coverage_on(self, day: date) -> float:
        """The share of customers in the experiment on a local day; 0 before the first day of a schedule."""
        if not self.schedule:
            return self.coverage
        return max((step.coverage for step in self.schedule if step.start <= day), default=0.0)

    def to_json(self) -> str:
        """The whole design as canonical JSON: the same design always gives the same text."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), ensure_ascii=False, sort_keys=True)

    @property
    def primary_key(self) -> str:
        """The measure that decides: `primary`, else the first metric."""
        return self.primary or (self.metrics[0].key if self.metrics else "repeat_purchase_d30")

    @property
    def weights(self) -> dict[str, float]:
        """The share of each variant, summing to 1."""
        total = sum(variant.weight for variant in self.variants)
        return {variant.key: variant.weight / total for variant in self.variants}

    def described_metrics(self) -> tuple[Metric, ...]:
        """Every metric to report: those described, then primary and guardrails that an order log answers."""
        found = {metric.key: metric for metric in self.metrics}
        for key in (self.primary_key, *(guardrail.measure for guardrail in self.guardrails)):
            implied = order_log_metric(key)
            if key not in found and implied is not None:
                found[key] = implied
        return tuple(found.values())


def known_measures() -> str:
    """What a design may name without describing it, for messages."""
    windows = (m for m in EXPERIMENT_MEASURES.values() if m.window_days and m.kind != "return")
    return ", ".join(f"{measure.key}_d30" for measure in windows)


def refuse_twice(what: str, keys: Iterable[str]) -> None:
    """Raise ValueError if a key occurs more than once."""
    twice = [key for key, times in Counter(keys).items() if times > 1]
    if twice:
        raise ValueError(f"the {what} {twice[0]!r} occurs more than once")


def load_design(path: Path) -> Design:
    """Read and check a design file.

    Raises:
        DataError: the file is missing or not TOML, or breaks a rule; the message names the file and the key.
    """
    try:
        return parse_design(tomllib.loads(path.read_text(encoding="utf-8")), f"The design {path}")
    except (FileNotFoundError, IsADirectoryError):
        raise DataError(f"The design {path} does not exist.", "Check --design.") from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"The design {path} cannot be read: {error}.", "Write valid TOML.") from None


def read_design(body: str) -> Design:
    """A design from its canonical JSON, as the database keeps it.

    Raises:
        DataError: it breaks a rule, which may be younger than the design.
    """
    return parse_design(json.loads(body), "The stored design")


def parse_design(values: dict[str, Any], subject: str = "The design") -> Design:
    """Check a design given as a dictionary.

    Raises:
        DataError: it breaks a rule; the message names the key.
    """
    try:
        return Design.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    remedy = {
        "extra_forbidden": "Remove the key or correct its spelling.",
        "missing": "Add the key.",
    }.get(first["type"], "Correct the key; examples/experiments/hillstrom.toml shows a whole design.")
    raise DataError(f"{subject}{', ' + where if where else ''}: {reason}.", remedy)
