"""What is written is what is read, and nothing damaged is ever opened."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import ReleaseError
from features.release.format import MANIFEST, ROW_DTYPE, Strings, pack_row, unpack_row
from features.release.read import open_release
from features.release.write import write_release
from tests.support.releases import CUSTOMERS, PRODUCTS, small_contents


@pytest.fixture
def folder(tmp_path):
    return write_release(tmp_path / "releases", small_contents())


def test_every_part_comes_back(folder):
    contents, release = small_contents(), open_release(folder)
    assert release.id == folder.name
    assert [release.customer_index(c) for c in CUSTOMERS] == list(range(len(CUSTOMERS)))
    assert [release.products.index(f"p{i}") for i in range(PRODUCTS)] == list(range(PRODUCTS))
    for customer in range(len(CUSTOMERS)):
        for placement, rows in contents.rows.items():
            row = unpack_row(release.row(placement, customer))
            expected = rows.product[customer][rows.product[customer] >= 0]
            assert row["product"].tolist() == expected.tolist()
        assert release.profile(customer)["customer_id"] == CUSTOMERS[customer]
        assert len(release.history(customer)) == 5
    assert release.trending.tolist() == contents.trending.tolist()
    neighbours, scores = release.similar(3)
    assert neighbours.tolist() == [4, 5]
    assert len(scores) == 2


def test_product_table(folder):
    products = open_release(folder).products
    assert products.name(1) == "Product 1"
    assert products.name(7) == "p7", "a product without a name shows its id"
    assert [products.category(i) for i in range(4)] == ["tea", "coffee", "fruit", "bread"]
    assert products.price(5) is None
    assert products.price(6) == 9.0
    assert products.brand(0) == "Hill"
    assert products.brand(1) == ""
    # Every second product is of the brand Hill; brands are sorted, and "" (unknown) is one of them.
    assert products.brands == ("", "Hill")
    assert products.brand_code.tolist() == [1, 0] * (PRODUCTS // 2)
    assert products.valid.sum() == PRODUCTS - 2


def test_unknown_ids_are_not_found(folder):
    release = open_release(folder)
    for id_ in ("", "nobody", "a\x00b", "\ud800", "x" * 10_000):
        assert release.customer_index(id_) is None
        assert release.products.index(id_) is None


def test_an_empty_row_is_empty_and_consent_is_kept(folder):
    release = open_release(folder)
    assert release.row("buy_again", CUSTOMERS.index("empty")) == b""
    assert [release.personalization_allowed(i) for i in range(6)] == [c != "no-consent" for c in CUSTOMERS]


def test_the_same_content_is_the_same_release(tmp_path):
    first = write_release(tmp_path, small_contents())
    assert write_release(tmp_path, small_contents()) == first
    assert write_release(tmp_path, small_contents(seed=2)) != first
    assert {p.name[0] for p in tmp_path.iterdir()} == {"2"}, "no unfinished folder is left behind"


def test_any_changed_byte_is_noticed(folder):
    for path in sorted(folder.iterdir()):
        original = path.read_bytes()
        if path.name == MANIFEST:
            continue
        changed = bytearray(original)
        changed[len(changed) // 2] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ReleaseError, match="corrupt"):
            open_release(folder)
        path.write_bytes(original)
    open_release(folder)


@pytest.mark.parametrize("damage", ["truncated", "gone", "renamed", "checksum", "format", "file_gone"])
def test_a_damaged_manifest_or_folder_is_refused(folder, damage):
    manifest = folder / MANIFEST
    content = json.loads(manifest.read_text())
    if damage == "truncated":
        manifest.write_text(manifest.read_text()[:-40])
    elif damage == "gone":
        manifest.unlink()
    elif damage == "renamed":
        folder = folder.rename(folder.with_name("20180101-000000000000"))
    elif damage == "checksum":
        content["files"]["trending.npy"]["sha256"] = "0" * 64
        manifest.write_text(json.dumps(content))
    elif damage == "format":
        manifest.write_text(json.dumps(content | {"format_version": 999}))
    else:
        (folder / "trending.npy").unlink()
    with pytest.raises(ReleaseError) as error:
        open_release(folder, verify=damage != "checksum")
    assert error.value.remedy


def test_contradicting_contents_are_refused_and_leave_nothing(tmp_path):
    good = small_contents()
    rows = good.rows["home"]
    outside = rows.product.copy()
    outside[0, 0] = PRODUCTS
    forbidden = rows.product.copy()
    forbidden[0, 0] = PRODUCTS - 1
    for changes in (
        {"customer_ids": ("a",) * len(CUSTOMERS)},
        {"profiles": good.profiles[:-1]},
        {"trending": good.trending[:-1]},
        {"rows": {**good.rows, "home": replace(rows, product=outside)}},
        {"rows": {**good.rows, "home": replace(rows, product=forbidden)}},
        {"rows": {"home": rows}},
    ):
        with pytest.raises(ReleaseError):
            write_release(tmp_path / "releases", replace(good, **changes))
    assert not (tmp_path / "releases").exists()


def test_a_packed_row_takes_seven_bytes_a_product():
    row = pack_row([1, 70_000], [0.5, 1e9], [1, 2])
    assert len(row) == 2 * ROW_DTYPE.itemsize == 14
    assert unpack_row(row)["product"].tolist() == [1, 70_000]
    assert unpack_row(row)["score"].tolist() == [0.5, 65504.0], (
        "a score beyond 16 bits is clipped, not infinite"
    )
    with pytest.raises(ValueError, match="size"):
        unpack_row(row[:-1])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_strings_come_back(values):
    packed = Strings.pack(values)
    assert list(packed) == values
    with pytest.raises(IndexError):
        packed[len(values)]
