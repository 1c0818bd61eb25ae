"""Analysis of one row a customer: who counts, what is filled in, and what is refused."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from experiments.analysis.analyze import analyze
from experiments.design import parse_design
from features.errors import DataError

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HALVES = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
SPEND = {"key": "spend", "kind": "mean"}
CUSTOMERS = ["a", "b", "c", "d", "e", "f"]
# a, b, c control; d, e, f offer.
EXPOSURES = pa.table({"customer_id": CUSTOMERS, "variant": ["control"] * 3 + ["offer"] * 3})
OUTCOMES = pa.table({"customer_id": CUSTOMERS, "spend": [1.0, 2.0, 3.0, 3.0, 5.0, 7.0]})


def plan(*metrics, **changes):
    return parse_design(
        {"key": "test", "rule": "fixed", "variants": HALVES, "metrics": list(metrics) or [SPEND], **changes}
    )


def judge(exposures=EXPOSURES, outcomes=OUTCOMES, customers=None, by=None, design=None):
    return analyze(design or plan(), exposures, outcomes, customers, by, zone="UTC", now=NOW)


def codes(report):
    return {note.code: note.en for note in report.notes}


def with_column(table, name, values):
    return table.drop_columns([name]).append_column(name, pa.array(values))


def test_means_and_lift():
    result = judge().metrics[0]
    assert (result.control, result.control_n, result.control_mean) == ("control", 3, 2.0)
    offer = result.variants[0]
    assert (offer.variant, offer.n, offer.mean) == ("offer", 3, 5.0)
    assert offer.estimate.lift_abs == 3.0
    assert offer.estimate.lift_rel == 1.5


def test_no_row_means_zero_and_is_counted():
    report = judge(outcomes=OUTCOMES.slice(1))
    assert report.metrics[0].control_mean == pytest.approx((0 + 2 + 3) / 3)
    assert codes(report)["without_outcome"].startswith("1 exposed customers have no row")


def test_customers_in_two_variants_are_dropped_and_counted():
    exposures = pa.concat_tables(
        [EXPOSURES, pa.table({"customer_id": ["a", "d"], "variant": ["offer", "offer"]})]
    )
    report = judge(exposures)
    assert report.metrics[0].control_n == 2
    assert report.metrics[0].control_mean == 2.5
    assert report.metrics[0].variants[0].n == 3
    assert report.to_dict()["customers"] == {"exposed": 5, "in_two_variants": 1, "forced": 0}
    assert set(codes(report)) == {"in_two_variants", "repeated_exposures"}


def test_forced_customers_are_left_out():
    report = judge(design=plan(forced={"f": "offer", "nobody": "control"}))
    assert report.metrics[0].variants[0].mean == 4.0
    assert codes(report)["forced"].startswith("1 customers")


def test_ids_agree_whatever_their_type():
    exposures = pa.table({"customer_id": [1, 2, 3, 4], "variant": ["control", "control", "offer", "offer"]})
    outcomes = pa.table({"customer_id": ["1", "2", "3", "4"], "spend": [1, 2, 3, 5]})
    assert judge(exposures, outcomes).metrics[0].variants[0].mean == 4.0


def test_columns_and_ids_with_quotes_are_only_names():
    name = 'spend "net"; DROP TABLE exposed'
    ids = ["o'b", 'q"', "--", "x;", "y'", "z"]
    exposures = pa.table({"customer_id": ids, "variant": ["control"] * 3 + ["offer"] * 3})
    outcomes = pa.table({"customer_id": ids, name: [1, 2, 3, 3, 5, 7]})
    report = judge(exposures, outcomes, design=plan({**SPEND, "column": name}))
    assert report.metrics[0].variants[0].mean == 5.0


def test_ratio_covariate_and_winsorised_mean():
    outcomes = OUTCOMES.append_column("orders", pa.array([1, 1, 2, 1, 2, 2]))
    customers = pa.table({"customer_id": CUSTOMERS, "before": [1, 2, 4, 3, 4, 8]})
    design = plan(
        {"key": "order_value", "kind": "ratio", "column": "spend", "denominator": "orders"},
        {"key": "adjusted", "kind": "mean", "column": "spend", "covariate": "before"},
        {"key": "capped", "kind": "mean", "column": "spend", "winsorise_at": 0.8},
    )
    ratio, adjusted, capped = judge(outcomes=outcomes, customers=customers, design=design).metrics
    assert (ratio.control_mean, ratio.variants[0].mean) == pytest.approx((6 / 4, 15 / 5))
    # The plain means are shown; the lift is the adjusted one.
    assert adjusted.variants[0].mean - adjusted.control_mean == pytest.approx(3.0)
    assert adjusted.variants[0].estimate.lift_abs < 3.0
    # The 80 % quantile of 1, 2, 3, 3, 5, 7 lies at position .8 · 5 = 4: 5. So 7 counts as 5.
    assert capped.variants[0].mean == pytest.approx((3 + 5 + 5) / 3)
    assert capped.control_mean == 2.0


def test_segments_of_customers_add_up_to_everyone():
    customers = pa.table({"customer_id": CUSTOMERS[:5], "tier": ["gold", "gold", "silver", "gold", "silver"]})
    report = judge(customers=customers, by="tier")
    assert [segment.value for segment in report.segments] == ["gold", "silver", None]
    gold, silver, unknown = (segment.metrics[0] for segment in report.segments)
    assert (gold.control_n, gold.control_mean, gold.variants[0].n) == (2, 1.5, 1)
    assert (silver.control_n, unknown.control_n, unknown.variants[0].n) == (1, 0, 1)
    assert gold.variants[0].withheld.value == "one_customer"
    assert unknown.variants[0].withheld.value == "no_customers"
    assert report.metrics[0] == judge().metrics[0]


def test_segments_of_exposures_are_those_of_the_first_exposure():
    exposures = pa.table(
        {
            "customer_id": [*CUSTOMERS, "a"],
            "variant": ["control"] * 3 + ["offer"] * 3 + ["control"],
            "exposed_at": ["2024-05-02T10:00:00Z"] * 6 + ["2024-05-02T09:00:00Z"],
            "tier": ["gold"] * 6 + ["silver"],
        }
    )
    report = judge(exposures, by="tier")
    sizes = {segment.value: segment.metrics[0].control_n for segment in report.segments}
    assert sizes == {"gold": 2, "silver": 1}


def test_holm_in_segments_counts_variants_times_segments():
    values = [0.0, 1.0] * 50
    rows = [
        (f"{variant}-{segment}-{i}", variant, segment, value + (0.23 if variant == "offer" else 0.0))
        for variant in ("control", "offer")
        for segment in ("x", "y", "z")
        for i, value in enumerate(values)
    ]
    ids, variants, segments, spend = map(list, zip(*rows, strict=True))
    exposures = pa.table({"customer_id": ids, "variant": variants, "segment": segments})
    report = judge(exposures, pa.table({"customer_id": ids, "spend": spend}), by="segment")
    found = [segment.metrics[0].variants[0] for segment in report.segments]
    # Each alone is below .05 (t = .23 / √(2 · .2525 / 100) ≈ 3.24, p ≈ .0014) and below .05 / 3.
    assert [round(variant.estimate.p_value, 4) for variant in found] == [0.0014] * 3
    assert all(variant.significant for variant in found)
    strict = judge(
        exposures, pa.table({"customer_id": ids, "spend": spend}), by="segment", design=plan(alpha=0.003)
    )
    # 3 · .0014 = .0042 is above .003, though .0014 is below.
    assert not any(segment.metrics[0].variants[0].significant for segment in strict.segments)


def test_nothing_in_the_report_is_not_a_number():
    constant = with_column(OUTCOMES, "spend", [4.0] * 6)
    report = judge(outcomes=constant)
    offer = report.to_dict()["metrics"][0]["variants"][0]
    assert offer["ci_abs"] is offer["p_value"] is offer["lift_abs"] is None
    assert offer["withheld"] == "no_variation"
    assert report.verdict.code == "review"
    assert "every customer of a variant has the same value" in report.verdict.en


def test_an_empty_variant_is_stated():
    report = judge(EXPOSURES.slice(0, 3))
    assert report.metrics[0].variants[0].withheld.value == "no_customers"
    assert report.metrics[0].variants[0].mean is None
    assert "no customers that count yet" in codes(report)["withheld"]
    assert "没有结果" in report.verdict.zh


def test_one_customer_is_stated():
    report = judge(pa.table({"customer_id": ["a", "b", "d"], "variant": ["control", "control", "offer"]}))
    assert report.metrics[0].variants[0].withheld.value == "one_customer"
    assert "only one customer" in report.verdict.en


def test_the_tidy_table_has_a_row_for_each_comparison():
    customers = pa.table({"customer_id": CUSTOMERS, "tier": ["gold", "gold", "x", "gold", "gold", "x"]})
    table = judge(customers=customers, by="tier").table()
    assert table.column("segment").to_pylist() == [None, "gold", "x"]
    everyone, gold, single = table.to_pylist()
    assert everyone["lift_abs"] == 3.0
    assert everyone["ci_abs_low"] < 3.0 < everyone["ci_abs_high"]
    # Two tests: the larger p stays, the smaller at most doubles.
    assert gold["q_value"] == pytest.approx(max(gold["p_value"], everyone["p_value"]), rel=1)
    assert single["withheld"] == "one_customer"
    assert single["p_value"] is single["q_value"] is None


@pytest.mark.parametrize(
    ("exposures", "outcomes", "words"),
    [
        (EXPOSURES.drop_columns(["variant"]), OUTCOMES, "no column 'variant'; it has customer_id"),
        (EXPOSURES.slice(0, 0), OUTCOMES, "has no rows"),
        (with_column(EXPOSURES, "variant", ["control"] * 5 + ["offfer"]), OUTCOMES, "variant 'offfer'"),
        (with_column(EXPOSURES, "variant", ["control"] * 5 + [None]), OUTCOMES, "1 rows without variant"),
        (with_column(EXPOSURES, "customer_id", [*"abcde", None]), OUTCOMES, "1 rows without customer_id"),
        (
            pa.table({"customer_id": ["a", "a"], "variant": ["control", "offer"]}),
            OUTCOMES,
            "No exposed customer is left",
        ),
        (
            EXPOSURES.append_column("exposed_at", pa.array([date(2024, 5, 1)] * 5 + [date(2024, 6, 2)])),
            OUTCOMES,
            "1 exposures in the future, up to 2024-06-02",
        ),
        (
            EXPOSURES.append_column("exposed_at", pa.array(["2024-05-01"] * 5 + ["yesterday"])),
            OUTCOMES,
            "1 rows whose exposed_at is empty or no time",
        ),
        (
            EXPOSURES.append_column("exposed_at", pa.array(["2024-05-01T00:00:00Z"] * 5 + ["-infinity"])),
            OUTCOMES,
            "1 rows whose exposed_at is empty or no time",
        ),
        (
            EXPOSURES.append_column("exposed_at", pa.array([1.5] * 6)),
            OUTCOMES,
            "neither a date nor a timestamp",
        ),
        (EXPOSURES, OUTCOMES.rename_columns(["customer_id", "visit"]), "no column 'spend'"),
        (
            EXPOSURES,
            with_column(OUTCOMES, "customer_id", [*"uvwxyz"]),
            "None of the exposed customers has a row",
        ),
        (EXPOSURES, with_column(OUTCOMES, "customer_id", [*"aacdef"]), "'a' stands 2 times"),
        (
            EXPOSURES,
            with_column(OUTCOMES, "spend", [1.0, None, None, 1, 2, 3]),
            "'b' is empty (2 customers in all)",
        ),
        (EXPOSURES, with_column(OUTCOMES, "spend", [1.0, 2, float("inf"), 1, 2, 3]), "'c' is 'inf'"),
        (EXPOSURES, with_column(OUTCOMES, "spend", [1.0, 2, float("nan"), 1, 2, 3]), "'c' is 'nan'"),
        (EXPOSURES, with_column(OUTCOMES, "spend", ["1", "2", "three", "1", "2", "3"]), "'c' is 'three'"),
        (EXPOSURES, with_column(OUTCOMES, "spend", [date(2024, 1, 1)] * 6), "DATE is not a number"),
        (EXPOSURES, with_column(OUTCOMES, "spend", [1e200] * 6), "beyond any number"),
    ],
)
def test_bad_tables_are_refused_in_words(exposures, outcomes, words):
    with pytest.raises(DataError) as caught:
        judge(exposures, outcomes)
    assert words in caught.value.message
    assert caught.value.remedy


def test_an_infinite_value_is_found_behind_a_cap():
    outcomes = with_column(OUTCOMES, "spend", [1.0, 2, float("inf"), 1, 2, 3])
    with pytest.raises(DataError, match="'c' is 'inf'"):
        judge(outcomes=outcomes, design=plan({**SPEND, "winsorise_at": 0.6}))


def test_a_proportion_is_of_zeros_and_ones():
    with pytest.raises(DataError, match=r"'b' is 2.0, neither 0 nor 1"):
        judge(
            outcomes=with_column(OUTCOMES, "spend", [1.0, 2, 0, 1, 0, 1]),
            design=plan({"key": "spend", "kind": "proportion"}),
        )
    flags = with_column(OUTCOMES, "spend", [True, False, False, True, True, False])
    report = judge(outcomes=flags, design=plan({"key": "spend", "kind": "proportion"}))
    assert report.metrics[0].variants[0].mean == pytest.approx(2 / 3)


def test_retention_needs_an_order_log():
    with pytest.raises(DataError, match="needs an order log"):
        judge(design=plan({"key": "d30", "kind": "retention"}))


def test_a_segment_must_be_known_before_exposure():
    with pytest.raises(DataError, match="has the column 'spend' of --by"):
        judge(by="spend")
    many = pa.table({"customer_id": [str(i) for i in range(60)], "variant": ["control", "offer"] * 30})
    outcomes = pa.table({"customer_id": many["customer_id"], "spend": list(range(60))})
    with pytest.raises(DataError, match="60 values, more than 50"):
        judge(many, outcomes, by="customer_id")
