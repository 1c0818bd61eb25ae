"""Signed sessions: who logged in with which key, and which forms are theirs.

A session lives in a cookie that the browser can neither read with a script nor send along from another site.
It is signed, not stored: what it may do is asked of the keys at every request, so a revoked key ends it.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from fastapi import Request
from itsdangerous import BadData, URLSafeSerializer
from starlette.responses import Response

COOKIE = "huitou_console"
SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """One browser.

    Attributes:
        id: random; the tokens of its forms are bound to it.
        key_id: the key it logged in with; empty before.
        until: Unix time at which it ends.
    """

    id: str
    key_id: str
    until: int


class Sessions:
    """Makes, signs and checks sessions and the tokens of their forms.

    Args:
        secret: 32 random bytes that every worker shares.
        clock: the present.
    """

    def __init__(self, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._cookies = _signer(secret, "session")
        self._forms = _signer(secret, "form")
        self._clock = clock

    def begin(self, key_id: str = "") -> Session:
        """A new session; logging in begins one too, so that nobody can prepare its id for somebody else."""
        return Session(secrets.token_urlsafe(16), key_id, self._now() + SESSION_SECONDS)

    def of(self, request: Request) -> Session | None:
        """The session of a browser; None if it has none, or one that is forged or over."""
        match _signed(self._cookies, request.cookies.get(COOKIE, "")):
            case [str(identity), str(key_id), int(until)] if until > self._now():
                return Session(identity, key_id, until)
        return None

    def form_token(self, session: Session) -> str:
        """What a form of this session must bring back."""
        token = self._forms.dumps(session.id)
        return token if isinstance(token, str) else token.decode()

    def is_form_of(self, session: Session | None, token: str) -> bool:
        """Whether a form was made by us for this session."""
        named = _signed(self._forms, token)
        return session is not None and isinstance(named, str) and compare_digest(named, session.id)

    def keep(self, request: Request, response: Response, session: Session) -> None:
        """Give the browser its session."""
        value = self._cookies.dumps([session.id, session.key_id, session.until])
        response.set_cookie(
            COOKIE,
            value if isinstance(value, str) else value.decode(),
            max_age=SESSION_SECONDS,
            path="/console",
            secure=request.scope["scheme"] == "https",
            httponly=True,
            samesite="strict",
        )

    def _now(self) -> int:
        return int(self._clock().timestamp())


def forget(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")


def _signer(secret: bytes, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret,
        salt=f"huitou.console.{purpose}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def _signed(signer: URLSafeSerializer, text: str) -> Any:
    """What we signed; None if we did not."""
    try:
        return signer.loads(text)
    except BadData:
        return None
