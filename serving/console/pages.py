"""Pages as they leave: rendered, in the reader's language, with headers that let a browser run nothing."""

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from features.settings import ShopSettings
from serving.console.numbers import Numbers
from serving.console.words import LANGUAGES, Language, say
from serving.problems import NO_STORE

FOLDER = Path(__file__).parent
LANGUAGE_COOKIE = "huitou_language"
YEAR_SECONDS = 365 * 24 * 3600


def language_of(request: Request, shop: ShopSettings) -> Language:
    """What the address asks for, else what it asked for last time, else the shop's language."""
    wanted = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE), shop.locale)
    return next(language for choice in wanted for language in LANGUAGES if choice == language)


def render(template: str, language: Language, shop: ShopSettings, **values: Any) -> str:
    """A template with the words and numbers of a language."""

    def words(key: str, /, **places: object) -> str:
        return say(language, key, **places)

    numbers = Numbers(language, shop.currency, shop.zone)
    return _templates().get_template(template).render(t=words, n=numbers, language=language, **values)


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page of the console; an address with `?lang=` is remembered."""
    shop = request.app.state.services.settings.shop
    language = language_of(request, shop)
    other = next(choice for choice in LANGUAGES if choice != language)
    # Not of request.url, which is built from the Host header: whatever it says must not break a page.
    switch = f"{quote(request.scope['path'])}?{urlencode(dict(request.query_params) | {'lang': other})}"
    frame = {
        "form_token": "",
        "switch": switch,
        "other_language": other,
        "style_version": style_digest()[:12],
    }
    response = HTMLResponse(render(template, language, shop, **(frame | values)), status)
    if request.query_params.get("lang") == language:
        response.set_cookie(
            LANGUAGE_COOKIE, language, YEAR_SECONDS, path="/console", httponly=True, samesite="lax"
        )
    return response


def protect(response: Response, inline_style: bool = False) -> Response:
    """Headers of every answer: no script, no foreign content, in nobody's frame, kept by nobody."""
    style = f"'sha256-{b64encode(bytes.fromhex(style_digest())).decode()}'" if inline_style else "'self'"
    policy = (
        f"default-src 'none'; style-src {style}; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    for name, value in {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        **NO_STORE,
    }.items():
        response.headers.setdefault(name, value)
    return response


@cache
def style() -> str:
    """The style sheet."""
    return (FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def style_digest() -> str:
    """SHA-256 of the style sheet, in hexadecimal."""
    return hashlib.sha256(style().encode()).hexdigest()


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
