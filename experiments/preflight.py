"""What the person who starts an experiment should know, though nothing forbids it."""

from collections.abc import Iterator, Mapping, Sequence

from experiments.design import Design, Rerank
from features.loyalty.offer_catalogue import NO_OFFERS
from features.release.read import Release

LAST_ASCII = 0x7F
OTHER_SDKS = (
    "not ASCII: Huitou and GrowthBook's JavaScript and Python SDKs hash UTF-16 units, but an SDK of another "
    "language may hash bytes and assign differently"
)


def warnings(
    design: Design, running: Sequence[Design], release: Release | None, aliases: Mapping[str, str]
) -> list[str]:
    """What may not work as meant, a sentence each.

    Args:
        design: what is about to start.
        running: the experiments that run already.
        release: the live release; None if there is none to look into.
        aliases: release of each alias that is set.
    """
    found = [*_of_hash(design), *_of_rivals(design, running), *_of_aliases(design, aliases)]
    return found if release is None else [*found, *_of_release(design, release)]


def non_ascii(what: str) -> str:
    """The warning about hashes of text beyond ASCII.

    Args:
        what: subject and verb, such as "Some customer ids are".
    """
    return f"{what} {OTHER_SDKS}."


def _of_hash(design: Design) -> Iterator[str]:
    layer = "" if design.layer is None else design.layer.name
    if not (design.hash_seed + layer).isascii():
        yield non_ascii("The seed or the name of the layer is")


def _of_rivals(design: Design, running: Sequence[Design]) -> Iterator[str]:
    for other in running:
        if other.key == design.key or _are_apart(design, other):
            continue
        if other.hash_seed == design.hash_seed:
            yield (
                f"The running experiment {other.key!r} has the same seed, so both split customers alike and "
                "their effects cannot be told apart."
            )
        for change in sorted(_changes(design) & _changes(other)):
            yield (
                f"The running experiment {other.key!r} changes the {change} too, and a customer is in one of "
                "them only: the first by key wins. Give each a range of one layer."
            )


def _are_apart(one: Design, other: Design) -> bool:
    """Whether no customer can be in both: by a layer, or by targets that exclude each other."""
    if one.layer is not None and other.layer is not None and one.layer.name == other.layer.name:
        return True
    shared = one.targeting.keys() & other.targeting.keys()
    return any(set(one.targeting[field]).isdisjoint(other.targeting[field]) for field in shared)


def _changes(design: Design) -> set[str]:
    """What the variants change, in words."""
    words = {"offer_policy": "offers", "release": "release", "rerank": "order of products"}
    treatments = [variant.treatment for variant in design.variants]
    return {
        word for name, word in words.items() if any(getattr(each, name) is not None for each in treatments)
    }


def _of_aliases(design: Design, aliases: Mapping[str, str]) -> Iterator[str]:
    for variant in design.variants:
        alias = variant.treatment.release
        if alias is not None and alias not in aliases:
            yield (
                f"The variant {variant.key!r} wants the release {alias!r}, but no release has this alias: "
                f"run `huitou publish RELEASE --alias {alias}`."
            )


def _of_release(design: Design, release: Release) -> Iterator[str]:
    policies = {policy for offer in release.offers.offers for policy in offer.policies} | {NO_OFFERS}
    for variant in design.variants:
        policy = variant.treatment.offer_policy
        if policy is not None and policy not in policies:
            yield (
                f"The variant {variant.key!r} has the offer policy {policy!r}, which no offer of the live "
                "release names, so it changes nothing."
            )
        for category in _categories(variant.treatment.rerank):
            if category not in release.products.categories:
                yield (
                    f"The variant {variant.key!r} reranks the category {category!r}, which no product of the "
                    "live release has."
                )
    if not release.manifest.customers:
        return
    fields = release.profile(0)
    for field in design.targeting:
        if field not in fields:
            yield f"No profile has the field {field!r}, so targeting it leaves nobody in the experiment."
    if (release.customer_ids.arrays[1] > LAST_ASCII).any():
        yield non_ascii("Some customer ids are")


def _categories(rerank: Rerank | None) -> list[str]:
    return [] if rerank is None else [*rerank.boost_categories, *rerank.bury_categories]
