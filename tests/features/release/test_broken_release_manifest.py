"""A release manifest that cannot be read: one line that says where, and the remedy."""

import pytest

from features.errors import ReleaseError
from features.release.read import open_release


@pytest.mark.parametrize(
    ("content", "problem"), [("{}", "at format_version, Field required"), ("junk", "Invalid JSON")]
)
def test_a_broken_manifest_is_one_line(tmp_path, content, problem):
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReleaseError, match=problem) as failure:
        open_release(tmp_path)
    assert "\n" not in str(failure.value)
    assert "http" not in str(failure.value)
    assert "release build" in failure.value.remedy
