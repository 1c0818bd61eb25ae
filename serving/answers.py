"""What answers look like. The models document the API at /docs; answers are written past them, for speed."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

Degraded = Literal["trending", "previous_release", "database_unavailable", "cache_unavailable"]


class ProductReason(BaseModel):
    """Why a product is recommended, and the products that are the evidence."""

    code: Literal[
        "due_again",
        "bought_before",
        "because_you_bought",
        "recently_viewed",
        "category_favourite",
        "similar_customers",
        "trending",
    ]
    text: str
    because_product_ids: list[str]


class RecommendedProduct(BaseModel):
    """One product; scores compare products of one source only."""

    product_id: str
    rank: int
    score: float
    source: Literal["buy_again", "discover", "recent_activity", "trending"]
    reason: ProductReason


class OfferReason(BaseModel):
    """Why a customer has an offer."""

    code: str
    text: str


class OfferAnswer(BaseModel):
    """One offer."""

    offer_id: str
    name: str
    benefit: dict[str, Any]
    reason: OfferReason
    expires_at: datetime


class ExperimentAnswer(BaseModel):
    """The variant a customer is in."""

    key: str
    variant: str


class RecommendationAnswer(BaseModel):
    """Recommendations; `degraded` names the one thing the answer most had to do without."""

    recommendation_id: str
    customer_id: str | None
    placement: str
    products: list[RecommendedProduct]
    offers: list[OfferAnswer]
    experiments: list[ExperimentAnswer]
    release_id: str
    degraded: Degraded | None = Field(
        description="trending: nothing personal could be computed; previous_release: the live release "
        "cannot be opened; database_unavailable: recent events may be missing, no experiment is served and "
        "offers with a maximum of claims are withheld; cache_unavailable: read from the release."
    )
    generated_at: datetime


class ProfileAnswer(BaseModel):
    """A customer's profile as of the release."""

    customer_id: str
    release_id: str
    as_of: str
    profile: dict[str, Any]


class OffersAnswer(BaseModel):
    """A customer's offers now."""

    customer_id: str
    offers: list[OfferAnswer]
    experiments: list[ExperimentAnswer]
    release_id: str
    degraded: Literal["previous_release", "database_unavailable"] | None
    generated_at: datetime


class ClaimAnswer(BaseModel):
    """A claim as it was first made; `repeated` if this call did not make it."""

    claim_id: str
    offer_id: str
    customer_id: str
    claimed_at: datetime
    repeated: bool


class VariantAnswer(BaseModel):
    """A variant and its share of the customers."""

    key: str
    weight: float


class ExperimentListed(BaseModel):
    """A running experiment; the program holdout has no start."""

    key: str
    hypothesis: str
    state: Literal["running"]
    variants: list[VariantAnswer]
    primary: str
    started_at: datetime | None


class ExperimentsAnswer(BaseModel):
    """The running experiments."""

    experiments: list[ExperimentListed]


class AssignmentAnswer(BaseModel):
    """A customer's variant, or why there is none."""

    key: str
    customer_id: str
    variant: str | None
    reason: Literal[
        "assigned",
        "forced",
        "held_out",
        "not_targeted",
        "outside_layer",
        "outside_coverage",
        "no_consent",
        "unknown_customer",
    ]


class ListedProduct(BaseModel):
    """A product of a public list."""

    product_id: str
    name: str
    category: str
    rank: int


class SimilarProduct(ListedProduct):
    """A product and how similar it is (0..1)."""

    score: float


class SimilarAnswer(BaseModel):
    """Products that the same customers buy, nearest first."""

    product_id: str
    products: list[SimilarProduct]
    release_id: str


class TrendingAnswer(BaseModel):
    """What sells best now."""

    products: list[ListedProduct]
    release_id: str


class EventResult(BaseModel):
    """What became of one event; a duplicate is a success."""

    event_id: str | None
    status: Literal["stored", "duplicate", "invalid"]
    detail: str | None


class EventsAnswer(BaseModel):
    """A result for each event, in order."""

    results: list[EventResult]


class ReadyAnswer(BaseModel):
    """Whether recommendations can be served."""

    ready: bool
    release_id: str | None
    cache_available: bool
    database_available: bool
