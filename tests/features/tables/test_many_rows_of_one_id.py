"""`latest_by`: one file that describes a product or customer in many rows, of which the newest holds."""

import random

import pytest

from features.errors import DataError

HEADER = "product_id,name,category,seen\n"
MAPPING = '[products]\nfile = "products*.csv"\nlatest_by = {column = "seen", format = "%d.%m.%Y"}\n'


def names(shop):
    return [tuple(r.values()) for r in shop.rows("SELECT product_id, name FROM products ORDER BY 1")]


def test_the_newest_row_is_loaded_and_the_others_are_duplicates(shop):
    # As text 09.02. comes after 01.03.; as dates it does not.
    rows = (
        "p1,Old,x,09.02.2024\np1,New,x,01.03.2024\np1,New,x,28.02.2024\np2,Only,x,01.01.2024\np1,Undated,x,\n"
    )
    shop.write("products.csv", HEADER + rows)
    report = shop.ingest(MAPPING)["products"]
    assert (report["read"], report["loaded"], report["duplicates"], report["rejected"]) == (5, 2, 3, 0)
    assert names(shop) == [("p1", "New"), ("p2", "Only")]
    # Another file that says the same brings nothing; one that says something else renews.
    shop.write("products.csv", HEADER + "p1,New,x,02.03.2024\np2,Renamed,x,01.01.2020\n")
    report = shop.ingest(MAPPING)["products"]
    assert (report["loaded"], report["duplicates"]) == (1, 1)
    assert names(shop) == [("p1", "New"), ("p2", "Renamed")]


def test_of_equally_new_rows_the_same_is_chosen_in_whatever_order_they_stand(new_shop):
    rows = [f"p1,name {i},x,01.03.2024\n" for i in range(6)]
    found = set()
    for seed in range(5):
        shop = new_shop()
        shop.write("products.csv", HEADER + "".join(random.Random(seed).sample(rows, len(rows))))
        shop.ingest(MAPPING)
        found.add(tuple(names(shop)))
    assert len(found) == 1


def test_a_row_whose_instant_cannot_be_read_is_rejected(shop):
    shop.write("products.csv", HEADER + "p1,A,x,01.03.2024\np1,B,x,2024-03-02\n")
    assert shop.ingest(MAPPING)["products"]["reasons"] == {"seen: not an instant": 1}
    assert names(shop) == [("p1", "A")]


def test_a_rejected_row_describes_nothing(shop):
    shop.write("products.csv", HEADER + "p1,A,x,01.03.2024\np1,,x,02.03.2024\n")
    assert shop.ingest(MAPPING)["products"]["reasons"] == {"name: missing": 1}
    assert names(shop) == [("p1", "A")]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[orders]\nfile = "o.csv"\nlatest_by = "at"', "orders keep every row; latest_by is for products"),
        ('[products]\nfile = "o.csv"\nlatest_by = {constant = 1}', "products.latest_by is an instant"),
        ('[products]\nfile = "o.csv"\nlatest_by = {column = "a", words = {x = "y"}}', "is an instant"),
    ],
)
def test_where_it_means_nothing_it_is_refused(shop, toml, message):
    with pytest.raises(DataError, match=message):
        shop.mapping(toml)


def test_a_missing_column_is_named(shop):
    shop.write("products.csv", "product_id,name,category\np1,A,x\n")
    with pytest.raises(DataError, match="no column seen, which the mapping names"):
        shop.ingest(MAPPING)
