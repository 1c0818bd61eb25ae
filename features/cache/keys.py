"""Redis keys: the release in front, the customer in braces: one customer, one Redis Cluster slot."""

import hashlib

LONGEST_SUBJECT = 120


def customer_subject(customer_id: str) -> str:
    """Whose keys these are: a known customer."""
    return f"c:{customer_id}"


def session_subject(session_id: str) -> str:
    """Whose keys these are: an anonymous session."""
    return f"s:{session_id}"


def row_key(release_id: str, placement: str, subject: str) -> bytes:
    """Key of a packed row."""
    return f"{release_id}:{placement}:{_tag(subject)}".encode()


def recent_key(subject: str) -> bytes:
    """Key of the recent events of a customer or session; it outlives a release."""
    return f"recent:{_tag(subject)}".encode()


def _tag(subject: str) -> str:
    # A closing brace would end the hash tag early, and a long or unprintable id would bloat every key.
    if len(subject) > LONGEST_SUBJECT or not subject.isascii() or not subject.isprintable() or "}" in subject:
        subject = "h:" + hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{{{subject}}}"
