"""CSV as shops write it: encodings, delimiters, quotes, line ends, numbers and dates, as a mapping says."""

from decimal import Decimal

import pytest

from features.errors import DataError

ORDERS = "order_id,customer_id,product_id,ordered_at,quantity,amount\n"


def products(csv: str = "", columns: str = "") -> str:
    """A mapping of products.csv, whose columns have the contract's names unless stated."""
    return f'[products]\nfile = "products.csv"\n[products.columns]\n{columns}\n[products.csv]\n{csv}\n'


@pytest.mark.parametrize(
    ("csv", "encoding", "delimiter", "end"),
    [
        ("", "utf-8", ",", "\n"),
        ("", "utf-8-sig", ",", "\r\n"),  # with a byte order mark, as spreadsheets save it
        ('delimiter = ";"', "utf-8-sig", ";", "\r\n"),
        ('delimiter = "\\t"\nencoding = "gb18030"', "gb18030", "\t", "\n"),
        ('delimiter = "|"\nencoding = "gbk"', "gbk", "|", "\r\n"),
        ('encoding = "utf-16"\ndelimiter = ";"', "utf-16", ";", "\n"),
    ],
)
def test_the_same_rows_in_every_dialect(shop, csv, encoding, delimiter, end):
    rows = [
        ["product_id", "name", "category"],
        ["p1", '"绿茶, 龙井; 3"" tin"', "饮料"],
        ["p2", '"two\nlines"', "饮料"],
        ["p3", "plain", ""],
    ]
    text = end.join(delimiter.join(row) for row in rows) + end
    (shop.export / "products.csv").write_bytes(text.encode(encoding))
    report = shop.ingest(products(csv))["products"]
    assert (report["loaded"], report["reasons"]) == (2, {"category: missing": 1})
    assert shop.rows("SELECT * FROM products ORDER BY product_id")[0]["category"] == "饮料"
    names = [row["name"] for row in shop.rows("SELECT name FROM products ORDER BY product_id")]
    assert names == ['绿茶, 龙井; 3" tin', "two\nlines"]


def test_characters_that_only_gb18030_has(shop):
    (shop.export / "products.csv").write_bytes("product_id,name,category\np1,㐀𠮷,€\n".encode("gb18030"))
    shop.ingest(products('encoding = "gb18030"'))
    assert shop.rows("SELECT name, category FROM products") == [{"name": "㐀𠮷", "category": "€"}]


def test_a_file_in_two_encodings_is_refused_with_its_line(shop):
    first = "product_id,name,category\np1,绿茶,饮料\n".encode()
    (shop.export / "products.csv").write_bytes(first + "p2,红茶,饮料\n".encode("gb18030"))
    with pytest.raises(DataError, match=r"products\.csv cannot be read: line 3 holds the byte 0xba"):
        shop.ingest()
    assert shop.state() == {}


def test_inch_marks_need_no_partner_where_nothing_is_quoted(shop):
    shop.write("products.csv", 'product_id\tname\tcategory\np1\tFRAME 7" SINGLE\tart\np2\t"7\tart\n')
    shop.ingest(products('delimiter = "\\t"\nquote = ""'))
    names = [row["name"] for row in shop.rows("SELECT name FROM products ORDER BY product_id")]
    assert names == ['FRAME 7" SINGLE', '"7']


@pytest.mark.parametrize(
    ("csv", "text", "price"),
    [
        ('decimal_point = ","', "12,5", "12.5"),
        ('decimal_point = ","', "12", "12"),
        ('decimal_point = ","', "12.5", None),  # perhaps twelve and a half, perhaps 125: not guessed
        ('decimal_point = ","\nthousands = "."', "1.234,5", "1234.5"),
        ('decimal_point = ","\nthousands = "."', "1.234.567", "1234567"),
        ('decimal_point = ","\nthousands = "."', "1234,5", "1234.5"),
        ('decimal_point = ","\nthousands = "."', "12.5", None),
        ('decimal_point = ","\nthousands = "."', "1.2345,0", None),
        ('decimal_point = ","\nthousands = " "', "1 234,5", "1234.5"),
        ('decimal_point = ","\nthousands = " "', "1\u00a0234,5", "1234.5"),
        ('decimal_point = ","\nthousands = " "', "1\u202f234,5", "1234.5"),
        ('thousands = ","', "1,234.56", "1234.56"),
        ('thousands = ","', "1,23", None),
        ('thousands = ","', ",123", None),
        ('thousands = "\'"', "1'234.5", "1234.5"),
        ("", "1,234", None),
        ("", "1 234", None),
        ("", " 1.5e1 ", "15"),
    ],
)
def test_numbers_are_what_the_mapping_says_and_nothing_is_guessed(shop, csv, text, price):
    shop.write("products.csv", f'product_id,name,category,price\np1,x,y,"{text}"\np2,x,y,1\n')
    report = shop.ingest(products(csv))["products"]
    found = [row["price"] for row in shop.rows("SELECT price FROM products WHERE product_id = 'p1'")]
    if price is None:
        assert (found, report["reasons"]) == ([], {"price: not a number": 1})
    else:
        assert found == [Decimal(price)]


def test_a_rule_on_numbers_reads_them_as_the_file_writes_them(shop):
    shop.write("products.csv", "product_id;name;category;price\np1;x;y;0,00\np2;x;y;0,01\np3;x;y;1.000,00\n")
    rule = '[[products.reject]]\ncolumn = "price"\nop = "le"\nvalue = 0\nreason = "no price"\n'
    csv = 'delimiter = ";"\ndecimal_point = ","\nthousands = "."'
    assert shop.ingest(products(csv) + rule)["products"]["reasons"] == {"price: no price": 1}


# A second row that always fits, because a table without any acceptable row is an error of its own.
GOOD = {
    "%d.%m.%Y %H:%M": "01.01.2024 00:00",
    "%d/%m/%Y": "01/01/2024",
    "%m/%d/%Y %I:%M %p": "01/01/2024 01:00 AM",
    "%Y年%m月%d日": "2024年1月1日",
}


@pytest.mark.parametrize(
    ("format_", "text", "utc"),
    [
        ("%d.%m.%Y %H:%M", "05.02.2024 18:00", "2024-02-05 10:00"),
        ("%d/%m/%Y", "05/02/2024", "2024-02-04 16:00"),
        ("%m/%d/%Y %I:%M %p", "02/05/2024 06:00 PM", "2024-02-05 10:00"),
        ("%Y年%m月%d日", "2024年2月5日", "2024-02-04 16:00"),
        ("%d.%m.%Y %H:%M", "2024-02-05 18:00", None),
        ("%d.%m.%Y %H:%M", "31.02.2024 18:00", None),
        ("%d.%m.%Y %H:%M", "05.02.2024 18:00 and more", None),
    ],
)
def test_dates_are_read_by_the_stated_format_and_zone_only(shop, format_, text, utc):
    shop.write("orders.csv", f"{ORDERS}o1,c,p,{text},1,1\no2,c,p,{GOOD[format_]},1,1\n")
    report = shop.ingest(
        '[orders]\nfile = "orders.csv"\n[orders.columns]\n'
        f'ordered_at = {{column = "ordered_at", format = "{format_}", zone = "Asia/Shanghai"}}\n'
    )["orders"]
    found = shop.rows("SELECT strftime(ordered_at, '%Y-%m-%d %H:%M') AS at FROM orders WHERE order_id = 'o1'")
    if utc is None:
        assert (found, report["reasons"]) == ([], {"ordered_at: not an instant": 1})
    else:
        assert found == [{"at": utc}]
