"""The models by their names on the command line."""

from collections.abc import Mapping

from features.errors import DataError
from training.customer_value.beta_geometric import BG_NBD, MBG_NBD
from training.customer_value.gamma_gamma import GAMMA_GAMMA
from training.customer_value.pareto import PARETO_NBD
from training.customer_value.purchase_model import Likelihood, PurchaseModel

PURCHASE_MODELS: Mapping[str, PurchaseModel] = {model.name: model for model in (BG_NBD, MBG_NBD, PARETO_NBD)}
LIKELIHOODS: Mapping[str, Likelihood] = {**PURCHASE_MODELS, GAMMA_GAMMA.name: GAMMA_GAMMA}


def likelihood(name: str) -> Likelihood:
    """The model of a name.

    Raises:
        DataError: there is none.
    """
    if name not in LIKELIHOODS:
        raise DataError(f"There is no value model named {name}.", f"Take one of {', '.join(LIKELIHOODS)}.")
    return LIKELIHOODS[name]


def purchase_model(name: str) -> PurchaseModel:
    """The model of the purchase process of a name.

    Raises:
        DataError: there is none, or it says nothing about how often somebody buys.
    """
    if name not in PURCHASE_MODELS:
        raise DataError(
            f"{name} is no model of how often customers buy.", f"Take one of {', '.join(PURCHASE_MODELS)}."
        )
    return PURCHASE_MODELS[name]
