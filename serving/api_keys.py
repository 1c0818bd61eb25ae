"""API keys: made once, kept as hashes, compared in constant time."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from features.database.records import ApiKey

SCOPES = ("storefront", "marketing", "admin")
_KEY = re.compile(r"huitou_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once, and the hash that is kept."""

    key_id: str
    key: str
    hash: str


def new_key() -> NewKey:
    """A random key; its id is part of it, so that checking one needs no search."""
    key_id = secrets.token_hex(6)
    key = f"huitou_{key_id}_{secrets.token_urlsafe(32)}"
    return NewKey(key_id, key, hash_key(key))


def hash_key(key: str) -> str:
    """SHA-256 of a key. No slow hash is needed: keys are 256 random bits, not passwords."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyRing:
    """The keys that hold now.

    Attributes:
        open: no key was ever created, so this machine may do everything. Revoking the last key does not
            open the service again.
    """

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        every = list(keys)
        self.open = not every
        self._keys = {key.key_id: key for key in every if key.revoked_at is None}

    def scopes(self, key: str) -> tuple[str, ...] | None:
        """The scopes of a key, or None if it does not hold."""
        match = _KEY.fullmatch(key)
        known = self._keys.get(match[1]) if match else None
        if known is None or not hmac.compare_digest(known.hash, hash_key(key)):
            return None
        return known.scopes

    def scopes_of(self, key_id: str) -> tuple[str, ...] | None:
        """The scopes of the key with this id, or None if it does not hold (any more)."""
        known = self._keys.get(key_id)
        return None if known is None else known.scopes
