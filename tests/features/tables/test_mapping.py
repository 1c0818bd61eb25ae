"""What a mapping may say, what it does, and how it complains."""

from decimal import Decimal

import pytest

from features.errors import DataError
from features.tables.ingest import ingest
from features.tables.mapping import load_mapping
from tests.support.command import huitou

EXPORT = (
    "Invoice;StockCode;When;Customer ID;Quantity;Price;Coupon;Rebate\n"
    "C1;p1;01/12/2009 07:45;c1;2;1,50;;\n"
    "i2;POST;01/12/2009 07:46;c1;1;9;;\n"
    "i3;p1;01/12/2009 07:47;c1;3;1,15;0,25;\n"
    "i4;p2;01/12/2009 07:48;;3;1,15;0,25;0,10\n"
    "i5;p2;01/12/2009 07:49;c2;-1;NA;;\n"
)
MAPPING = """
note = "a real export"
[orders]
file = "sales-*.csv"
[orders.csv]
delimiter = ";"
decimal_point = ","
null_values = ["", "NA"]
[orders.columns]
order_id = "Invoice"
product_id = "StockCode"
ordered_at = {column = "When", format = "%d/%m/%Y %H:%M"}
customer_id = {first_of = ["Customer ID", "Invoice"]}
quantity = "Quantity"
amount = {multiply = ["Quantity", "Price"]}
discount = {sum = ["Coupon", "Rebate"]}
channel = {constant = "store"}
[[orders.reject]]
column = "Invoice"
op = "starts_with"
value = "C"
reason = "cancelled"
[[orders.reject]]
column = "StockCode"
op = "in"
value = ["POST", "BANK CHARGES"]
"""


def test_a_mapping_renames_computes_and_rejects(shop):
    shop.write("sales-2009.csv", EXPORT)
    report = shop.ingest(MAPPING)["orders"]
    assert report["reasons"] == {
        "Invoice: cancelled": 1,
        "StockCode: rejected by rule: in ('POST', 'BANK CHARGES')": 1,
        "amount: missing": 1,
    }
    first, second = shop.rows(
        "SELECT order_id, customer_id, amount, discount, channel, strftime(ordered_at, '%m-%d %H:%M') AS at "
        "FROM orders ORDER BY order_id"
    )
    assert first == {
        "order_id": "i3",
        "customer_id": "c1",
        "amount": Decimal("3.4500"),  # 3 × 1.15
        "discount": Decimal("0.2500"),  # an empty rebate counts as nothing
        "channel": "store",
        "at": "12-01 07:47",
    }
    assert second["customer_id"] == "i4"  # the first that is not empty
    assert second["discount"] == Decimal("0.3500")  # 0.25 + 0.10


def test_the_note_reaches_the_report_and_whoever_runs_the_command(shop):
    shop.write("sales-1.csv", EXPORT)
    assert ingest(shop.export, shop.mapping(MAPPING), shop.settings).to_dict()["note"] == "a real export"
    said = huitou("ingest", "export", "--map", "export/map.toml", folder=shop.export.parent)
    assert "a real export" in said.stderr
    assert "Invoice: cancelled: 1" in said.stdout


def test_a_sum_of_nothing_is_no_value(shop):
    shop.write("p.csv", "id,name,a,b\np1,x,,\np2,y,1,\np3,z,1,oops\n")
    report = shop.ingest(
        '[products]\nfile = "p.csv"\n[products.columns]\nproduct_id = "id"\nprice = {sum = ["a", "b"]}\n'
        'category = {constant = "all"}\n'
    )["products"]
    assert report["reasons"] == {"price: not a number": 1}
    prices = shop.rows("SELECT price FROM products ORDER BY product_id")
    assert [row["price"] for row in prices] == [None, Decimal("1.0000")]


def test_a_product_of_numbers_beyond_money_is_rejected(shop):
    shop.write("p.csv", "product_id,name,category,a,b\np1,x,k,1e10,1e10\np2,y,k,2,3\n")
    report = shop.ingest('[products]\nfile = "p.csv"\n[products.columns]\nprice = {multiply = ["a", "b"]}\n')
    assert report["products"]["reasons"] == {"price: out of range": 1}
    assert shop.rows("SELECT price FROM products") == [{"price": Decimal("6.0000")}]


@pytest.mark.parametrize(
    ("rule", "rejected"),
    [
        ('op = "eq"\nvalue = 2', ["b"]),
        ('op = "ne"\nvalue = 2', ["a", "c"]),
        ('op = "lt"\nvalue = 2', ["a"]),
        ('op = "le"\nvalue = 2.0', ["a", "b"]),
        ('op = "gt"\nvalue = 2', ["c"]),
        ('op = "ge"\nvalue = 2', ["b", "c"]),
        ('op = "eq"\nvalue = "2"', ["b"]),
        ('op = "gt"\nvalue = "2"', []),  # as text "10" comes before "2"
        ('op = "is_null"', ["d"]),
        ('op = "in"\nvalue = ["1", "10"]', ["a", "c"]),
        ('op = "starts_with"\nvalue = "1"', ["a", "c"]),
    ],
)
def test_reject_rules(shop, rule, rejected):
    shop.write("c.csv", "customer_id,x\na,1\nb,2\nc,10\nd,\n")
    shop.ingest(f'[customers]\nfile = "c.csv"\n[[customers.reject]]\ncolumn = "x"\n{rule}\n')
    loaded = [row["customer_id"] for row in shop.rows("SELECT customer_id FROM customers ORDER BY 1")]
    assert loaded == sorted(set("abcd") - set(rejected))


def test_words_are_replaced_by_the_first_pattern_that_fits(shop):
    shop.write(
        "t.csv",
        "ticket_id,customer_id,kind,opened_at,satisfied\n"
        "t1,c,物流延迟,2024-01-01,是\nt2,c, Damaged Goods ,2024-01-01,否\nt3,c,system,2024-01-01,\n"
        "t4,c,weather,2024-01-01,no\nt5,c,,2024-01-01,no\n",
    )
    report = shop.ingest(
        '[tickets]\nfile = "t.csv"\n[tickets.columns.category]\ncolumn = "kind"\n'
        '[tickets.columns.category.words]\n"物流*" = "logistics"\n"*goods" = "product"\n"*dam*" = "service"\n'
        '[tickets.columns.satisfied]\ncolumn = "satisfied"\nwords = {"是" = "yes", "否" = "no"}\n'
    )["tickets"]
    # A word that no pattern fits stays, so the contract refuses it.
    assert report["reasons"] == {"category: not a known word": 1, "category: missing": 1}
    rows = shop.rows("SELECT category, satisfied FROM tickets ORDER BY ticket_id")
    assert [tuple(row.values()) for row in rows] == [
        ("logistics", True),
        ("product", False),
        ("system", None),
    ]


def test_a_pattern_for_everything_makes_no_word_of_no_value(shop):
    shop.write("p.csv", "product_id,name,a,b\np1,x,,\np2,x, ,tea\np3,x,mug,\n")
    report = shop.ingest(
        '[products]\nfile = "p.csv"\n[products.columns]\n'
        'category = {first_of = ["a", "b"], words = {"mug" = "table", "*" = "other"}}\n'
    )["products"]
    assert report["reasons"] == {"category: missing": 1}
    rows = shop.rows("SELECT product_id, category FROM products ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [("p2", "other"), ("p3", "table")]


def test_an_id_of_whole_numbers_loses_its_fraction_and_refuses_anything_else(shop):
    ids = ["13085.0", "13085", " 7. ", "-2.00", "13085.5", "C13", "1e3", ""]
    shop.write("c.csv", "id,n\n" + "".join(f"{id_},{n}\n" for n, id_ in enumerate(ids)))
    report = shop.ingest(
        '[customers]\nfile = "c.csv"\n[customers.columns]\n'
        'customer_id = {column = "id", format = "whole_number"}\n'
    )["customers"]
    assert report["reasons"] == {"customer_id: not a whole number": 3, "customer_id: missing": 1}
    assert report["duplicates"] == 1
    found = [row["customer_id"] for row in shop.rows("SELECT customer_id FROM customers")]
    assert sorted(found) == ["-2", "13085", "7"]


def test_a_contract_name_in_the_source_does_not_shadow_a_mapped_column(shop):
    # `amount` of the source is the price of one; the contract's amount is computed from it.
    shop.write("o.csv", "order_id,customer_id,product_id,ordered_at,quantity,amount\n1,c,p,2024-01-01,3,2\n")
    shop.ingest('[orders]\nfile = "o.csv"\n[orders.columns]\namount = {multiply = ["quantity", "amount"]}\n')
    assert shop.rows("SELECT amount FROM orders") == [{"amount": Decimal("6.0000")}]


def test_names_and_values_are_never_read_as_sql(shop):
    shop.write("c.csv", '"id""; DROP",x\nc1,it\'s\nc2,y\n')
    report = shop.ingest(
        '[customers]\nfile = "c.csv"\n[customers.columns]\ncustomer_id = \'id"; DROP\'\n'
        'gender = {constant = "\'; DROP TABLE checked; --"}\n'
        '[[customers.reject]]\ncolumn = "x"\nop = "eq"\nvalue = "it\'s"\nreason = "quote\'s"\n'
    )["customers"]
    assert report["reasons"] == {"x: quote's": 1}
    assert shop.rows("SELECT * FROM customers")[0]["gender"] == "'; DROP TABLE checked; --"


def test_a_chinese_export_in_gbk(shop):
    (shop.export / "p.csv").write_bytes("编号,名称,类目\np1,绿茶,饮料\n".encode("gbk"))
    mapping = (
        '[products]\nfile = "p.csv"\n[products.columns]\n'
        'product_id = "编号"\nname = "名称"\ncategory = "类目"\n'
    )
    with pytest.raises(DataError, match=r"p\.csv"):
        shop.ingest(mapping)
    shop.ingest(mapping + '[products.csv]\nencoding = "gbk"\n')
    assert shop.rows("SELECT name, category FROM products") == [{"name": "绿茶", "category": "饮料"}]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("", "name at least one table"),
        ("[orders", "is not valid TOML"),
        ('[baskets]\nfile = "x.csv"', "at baskets"),
        ("[orders]\n", "at orders.file"),
        ('[orders]\nfile = "/etc/x.csv"', "inside the source folder"),
        ('[orders]\nfile = "../x.csv"', "inside the source folder"),
        ('[orders]\nfile = "x.csv"\n[orders.columns]\nprize = "x"', "orders has no column 'prize'"),
        ('[orders]\nfile = "x.csv"\n[orders.columns]\nattr_x = "x"', "orders has no column 'attr_x'"),
        ('[orders]\nfile = "x.csv"\n[orders.columns]\namount = {}', "exactly one of"),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\namount = {column = "a", constant = 1}',
            "exactly one of",
        ),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\namount = {multiply = ["a"]}',
            "at orders.columns.amount",
        ),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\nchannel = {sum = ["a"]}',
            "orders.channel is not a number",
        ),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\namount = {column = "a", zone = "UTC"}',
            "is no instant",
        ),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\nordered_at = {column = "a", zone = "New York"}',
            "'New York' is not an IANA time zone",
        ),
        ('[orders]\nfile = "x.csv"\n[orders.csv]\nencoding = "klingon"', "'klingon' is not a text encoding"),
        ('[orders]\nfile = "x.csv"\n[orders.csv]\nencoding = "hex"', "'hex' is not a text encoding"),
        ('[orders]\nfile = "x.csv"\n[orders.csv]\nencoding = "punycode"', "is not a text encoding"),
        ('[orders]\nfile = "x.csv"\n[orders.csv]\nthousands = "."', "cannot be both decimal_point and"),
        ('[orders]\nfile = "x.csv"\n[orders.csv]\ndelimiter = "；"', "'；' is no ASCII character within"),
        (
            '[orders]\nfile = "x.csv"\n[[orders.reject]]\ncolumn = "a"\nop = "lt"\nvalue = nan',
            "must be finite",
        ),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\nordered_at = {column = "a", format = "%Q"}',
            "the format '%Q' of orders.ordered_at is none such as",
        ),
        ('[orders]\nfile = "x.csv"\n[orders.csv]\nquote = ","', "cannot be both delimiter and quote"),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\norder_id = {column = "a", format = "%d"}',
            "orders.order_id is an id, whose only format is 'whole_number'",
        ),
        (
            '[orders]\nfile = "x.csv"\n[orders.columns]\namount = {column = "a", words = {x = "1"}}',
            "orders.amount is no text of the source, so it takes no words",
        ),
        ('[orders]\nfile = "x.csv"\n[[orders.reject]]\ncolumn = "a"\nop = "eq"', "op 'eq' needs a value"),
        (
            '[orders]\nfile = "x.csv"\n[[orders.reject]]\ncolumn = "a"\nop = "in"\nvalue = "x"',
            "a list of values",
        ),
        (
            '[orders]\nfile = "x.csv"\n[[orders.reject]]\ncolumn = "a"\nop = "eval"\nvalue = "x"',
            "orders.reject.0.op",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_by_name(shop, toml, message):
    with pytest.raises(DataError) as raised:
        shop.mapping(toml)
    assert message in raised.value.message
    assert "map.toml" in raised.value.message
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[customers]\nfile = "d.csv"', "has no file d.csv, from which the mapping takes customers"),
        ('[customers]\nfile = "map.toml"', "is not one of .parquet, .csv, .csv.gz"),
        (
            '[customers]\nfile = "c.csv"\n[customers.columns]\nregion = "Region"',
            "c.csv has no column Region, which the mapping names; it has customer_id, x",
        ),
        (
            '[customers]\nfile = "c.csv"\n[[customers.reject]]\ncolumn = "y"\nop = "is_null"',
            "has no column y, which the mapping names",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_the_files_is_refused_by_name(shop, toml, message):
    shop.write("c.csv", "customer_id,x\na,1\n")
    with pytest.raises(DataError) as raised:
        shop.ingest(toml)
    assert message in raised.value.message
    assert shop.state() == {}


def test_a_missing_mapping_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.toml does not exist"):
        load_mapping(tmp_path / "nowhere.toml")
