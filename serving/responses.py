"""Ready JSON responses: written by orjson, past the framework's own serialisation."""

import hashlib
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from serving.problems import NO_STORE

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY


def personal(answer: dict[str, Any]) -> Response:
    """An answer about one person: nobody may keep it."""
    return Response(orjson.dumps(answer, option=_OPTIONS), 200, NO_STORE, media_type="application/json")


def public(request: Request, answer: dict[str, Any], max_age_seconds: int) -> Response:
    """An answer that is the same for everyone: cacheable, with an ETag; 304 if the client has it already."""
    return cacheable(request, orjson.dumps(answer, option=_OPTIONS), "application/json", max_age_seconds)


def cacheable(request: Request, body: bytes, media_type: str, max_age_seconds: int) -> Response:
    """Content that is the same for everyone, with an ETag; 304 if the client has it already."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={max_age_seconds}"}
    if etag in _candidates(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type=media_type)


def _candidates(if_none_match: str) -> list[str]:
    # A proxy that compresses marks an ETag as weak; for a GET the comparison ignores that (RFC 9110, 13.1.2).
    return [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
