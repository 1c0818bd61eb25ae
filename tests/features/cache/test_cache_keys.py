"""Keys: one slot per customer, bounded length, no two subjects alike."""

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from features.cache.keys import customer_subject, recent_key, row_key, session_subject

IDS = st.text(min_size=1, max_size=300)


@given(IDS)
def test_all_keys_of_a_customer_share_a_cluster_slot(id_):
    subject = customer_subject(id_)
    keys = [recent_key(subject), *(row_key("20180101-abc", p, subject) for p in ("home", "discover"))]
    assert len({key_slot(key) for key in keys}) == 1
    assert max(map(len, keys)) < 200


@given(IDS, IDS)
def test_different_subjects_have_different_keys(one, other):
    assert recent_key(customer_subject(one)) != recent_key(session_subject(one))
    assert (recent_key(customer_subject(one)) == recent_key(customer_subject(other))) == (one == other)
