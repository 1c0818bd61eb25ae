"""Who may call: holders of API keys with the right scope, or, while no key exists, this machine only."""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.problems import ProblemError
from serving.services import Services

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_bearer = HTTPBearer(auto_error=False, description="A key of `huitou keys create`.")


def is_loopback(host: str) -> bool:
    """Whether an address or host name means this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def require(*scopes: str) -> Callable[..., Awaitable[None]]:
    """A dependency that lets a request pass if its key has one of these scopes; admin has them all."""

    async def check(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> None:
        services: Services = request.app.state.services
        keys = services.watcher.keys
        if keys is None:
            raise ProblemError(
                503,
                "keys_unknown",
                "The keys could not be read from the database yet.",
                headers={"Retry-After": "1"},
            )
        if keys.open:
            _only_this_machine(request)
            return
        granted = keys.scopes(credentials.credentials) if credentials else None
        if granted is None:
            raise ProblemError(
                401,
                "unauthorized",
                "The API key is missing, wrong or revoked. Send Authorization: Bearer KEY; "
                "`huitou keys create --scope storefront` makes one.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if "admin" not in granted and not set(scopes) & set(granted):
            raise ProblemError(
                403,
                "forbidden",
                f"This call needs a key with scope {' or '.join(scopes)}; yours has {' '.join(granted)}.",
            )

    return check


def _only_this_machine(request: Request) -> None:
    client = request.client.host if request.client else ""
    if not is_loopback(client):
        raise ProblemError(
            401,
            "unauthorized",
            "Without keys only this machine may call. Create one: huitou keys create --scope storefront",
            headers={"WWW-Authenticate": "Bearer"},
        )
    # A web page can make a browser on this machine call us under the page's own name (DNS rebinding).
    host = re.sub(r":\d+$", "", request.headers.get("host", ""))
    if host.lower() not in _LOCAL_HOSTS:
        raise ProblemError(
            403,
            "host_not_allowed",
            "Without keys the Host must be localhost, 127.0.0.1 or [::1]. Create a key: huitou keys create",
        )
