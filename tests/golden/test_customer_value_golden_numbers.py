"""Published numbers of the purchase-process models on CDNOW's 2,357 customers, 39 weeks of calibration.

Sources: Fader, Hardie & Lee (2005) for BG/NBD and Pareto/NBD, Batislam, Denizel & Filiztekin (2007) for
MBG/NBD, Fader & Hardie (2013) for Gamma-Gamma; digits beyond the papers' from the packages BTYD, BTYDplus and
lifetimes. Data: see data/README.md.
"""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.support.histories import history
from training.customer_value.gamma_gamma import GAMMA_GAMMA, expected_value
from training.customer_value.maximum_likelihood import fit
from training.customer_value.registry import LIKELIHOODS, PURCHASE_MODELS
from training.customer_value.sources import parse_columns, read_summary
from training.customer_value.summary import CustomerSummary

DATA = Path(__file__).with_name("data")
PUBLISHED = {
    "bg_nbd": ({"r": 0.24259, "alpha": 4.41353, "a": 0.79289, "b": 2.42575}, -9582.4256),
    "mbg_nbd": ({"r": 0.524838, "alpha": 6.18299, "a": 0.891356, "b": 1.61400}, -9582.1327),
    "pareto_nbd": ({"r": 0.553276, "alpha": 10.5776, "s": 0.606214, "beta": 11.6679}, -9594.9739),
    "gamma_gamma": ({"p": 6.24880, "q": 3.74459, "v": 15.44775}, -4055.9232),
}


@pytest.fixture(scope="module")
def cdnow() -> CustomerSummary:
    columns = parse_columns("customer_id=ID,frequency=x,recency=t_x,monetary_value=zbar")
    return read_summary(DATA / "cdnow_customers_summary_with_transactions.csv", columns, "week")


@pytest.fixture(scope="module")
def fits(cdnow):
    rows, _ = cdnow.compressed()
    found = {name: fit(model, rows) for name, model in PURCHASE_MODELS.items()}
    return found | {"gamma_gamma": fit(GAMMA_GAMMA, cdnow.repeat_buyers())}


@pytest.mark.parametrize("model", PUBLISHED)
def test_parameters_and_log_likelihood(fits, model):
    params, log_likelihood = PUBLISHED[model]
    assert dict(fits[model].params) == pytest.approx(params, rel=1e-4)
    assert fits[model].log_likelihood == pytest.approx(log_likelihood, abs=1e-3)
    assert fits[model].converged
    assert fits[model].at_bound == ()


def test_gamma_gamma_rests_on_946_repeat_buyers(fits):
    assert fits["gamma_gamma"].customers == 946
    assert fits["bg_nbd"].customers == 2357


def expected(fits, name, x, recency, age, weeks):
    model, parameters, rows = PURCHASE_MODELS[name], fits[name].vector, history(x, recency, age)
    return float((model.p_alive(parameters, rows) * model.purchases_if_alive(parameters, rows, weeks))[0])


def test_bg_nbd_expects_of_customer_one(fits):
    assert expected(fits, "bg_nbd", 2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=5e-4)


def test_pareto_nbd_expects_of_a_heavy_buyer(fits):
    assert expected(fits, "pareto_nbd", 26, 30.86, 31, 52) == pytest.approx(25.46, abs=5e-3)


def test_gamma_gamma_values_the_first_ten_customers(cdnow, fits):
    worth = expected_value(fits["gamma_gamma"].vector, cdnow.frequency[:10], cdnow.monetary_value[:10])
    published = [24.66, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert worth.round(2).tolist() == published


def test_both_files_hold_the_same_histories(cdnow):
    other = read_summary(DATA / "cdnow_customers_summary.csv", {"customer_id": "ID"}, "week")
    assert other.customer_id.equals(cdnow.customer_id)
    assert np.array_equal(other.frequency, cdnow.frequency)
    assert np.array_equal(other.T, cdnow.T)


@pytest.mark.parametrize("model", LIKELIHOODS)
def test_compression_changes_nothing(cdnow, model):
    """2,357 customers have 1,016 histories; one row each gives the same likelihood to rounding."""
    parameters = np.array(list(PUBLISHED[model][0].values()))
    apart = CustomerSummary(
        pa.array([str(i) for i in range(2)]),
        *(np.array([column[0], column[0]]) for column in (cdnow.frequency, cdnow.recency, cdnow.T)),
        np.array([22.35, 22.35]),
        "week",
    )
    rows = apart.repeat_buyers() if model == "gamma_gamma" else apart.compressed()[0]
    assert len(rows) == 1
    assert rows.customers == 2
    once = history(apart.frequency[0], apart.recency[0], apart.T[0], 22.35)
    assert LIKELIHOODS[model].log_likelihood(parameters, rows)[0] == pytest.approx(
        2 * LIKELIHOODS[model].log_likelihood(parameters, once)[0]
    )


def test_the_files_are_the_published_sample():
    with (DATA / "cdnow_customers_summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2357
    assert sum(int(row["frequency"]) for row in rows) == 2457
