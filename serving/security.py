"""Who may call: holders of API keys with the right scope, or, while no key exists, this machine only."""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from serving.api_keys import KeyRing
from serving.problems import ProblemError
from serving.services import Services

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
METHODS_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_FOR_EVERYONE = ("/healthz", "/readyz")
# Browsers bring a cookie instead of a key; serving.console.gate checks it.
_CONSOLE = "/console"
_bearer = HTTPBearer(auto_error=False, description="A key of `huitou keys create`.")


def is_loopback(host: str) -> bool:
    """Whether an address or host name means this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def admit(connection: HTTPConnection) -> None:
    """Turn away, before a body is read, whom no call would answer; what a key may do, `require` decides.

    Without keys that is every other machine, also for the API's document and the metrics; with keys it is
    who sends a body without one.

    Raises:
        ProblemError: 401, 403, or 503 while the keys are not known yet.
    """
    path = connection.scope["path"]
    if path in _FOR_EVERYONE or path == _CONSOLE or path.startswith(f"{_CONSOLE}/"):
        return
    services: Services = connection.app.state.services
    keys = services.watcher.keys
    if connection.scope["method"] in METHODS_WITH_BODY:
        _scopes(connection, keys)
    elif keys is not None and keys.open:
        only_this_machine(connection)


def require(*scopes: str) -> Callable[..., Awaitable[None]]:
    """A dependency that lets a request pass if its key has one of these scopes; admin has them all."""

    async def check(request: Request, _documented: Annotated[object, Security(_bearer)]) -> None:
        services: Services = request.app.state.services
        granted = _scopes(request, services.watcher.keys)
        if "admin" not in granted and not set(scopes) & set(granted):
            raise ProblemError(
                403,
                "forbidden",
                f"This call needs a key with scope {' or '.join(scopes)}; yours has {' '.join(granted)}.",
            )

    return check


def known_keys(keys: KeyRing | None) -> KeyRing:
    """The keys that hold.

    Raises:
        ProblemError: 503 while they are not known yet.
    """
    if keys is None:
        raise ProblemError(
            503,
            "keys_unknown",
            "The keys could not be read from the database yet.",
            headers={"Retry-After": "1"},
        )
    return keys


def _scopes(connection: HTTPConnection, found: KeyRing | None) -> tuple[str, ...]:
    keys = known_keys(found)
    if keys.open:
        only_this_machine(connection)
        return ("admin",)
    scheme, key = get_authorization_scheme_param(connection.headers.get("authorization"))
    granted = keys.scopes(key) if scheme.lower() == "bearer" else None
    if granted is None:
        raise ProblemError(
            401,
            "unauthorized",
            "The API key is missing, wrong or revoked. Send Authorization: Bearer KEY; "
            "`huitou keys create --scope storefront` makes one.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return granted


def only_this_machine(connection: HTTPConnection) -> None:
    """Let only this machine pass, under a name of its own.

    Raises:
        ProblemError: 401 for another machine, 403 for another Host.
    """
    client = connection.client.host if connection.client else ""
    if not is_loopback(client):
        raise ProblemError(
            401,
            "unauthorized",
            "Without keys only this machine may call. Create one: huitou keys create --scope storefront",
            headers={"WWW-Authenticate": "Bearer"},
        )
    # A web page can make a browser on this machine call us under the page's own name (DNS rebinding).
    host = re.sub(r":\d+$", "", connection.headers.get("host", ""))
    if host.lower() not in _LOCAL_HOSTS:
        raise ProblemError(
            403,
            "host_not_allowed",
            "Without keys the Host must be localhost, 127.0.0.1 or [::1]. Create a key: huitou keys create",
        )
