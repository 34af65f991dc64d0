"""Addresses of endpoints: what of one may be shown, and what of one is a secret."""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from structurer.errors import UsageError

BASE_URL: Final = "https://api.openai.com/v1"
SHORTEST_SECRET: Final = 6  # characters; a shorter one would blot out plain words


def public(base_url: str) -> str:
    """The address without the user, password and query it may hold. Raises UsageError where it is none."""
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname or not base_url.isprintable() or " " in base_url:
        remedy = f"set OPENAI_BASE_URL to an address such as {BASE_URL}"
        raise UsageError("the endpoint's address is no http or https URL", where="OPENAI_BASE_URL", remedy=remedy)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"


def parted(base_url: str) -> tuple[str, dict[str, str], str]:
    """An address without the user, password and query that it may hold, the header that stands for the first two (RFC 7617), and the
    query, which no path may follow."""
    parts = urlsplit(base_url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return bare, {} if parts.username is None else {"Authorization": f"Basic {_basic(base_url)}"}, parts.query


def secrets(base_url: str, key: str | None) -> tuple[str, ...]:
    """What an endpoint was sent and may repeat, and nobody is to be shown: the key, the password in each of its forms, the query."""
    parts = urlsplit(base_url)
    forms = [*([key] if key else []), _basic(base_url), parts.password or "", unquote(parts.password or ""), parts.query]
    values = [value for pairs in parse_qs(parts.query).values() for value in pairs]
    return tuple(form for form in dict.fromkeys([*forms, *values]) if len(form) >= SHORTEST_SECRET)


def _basic(base_url: str) -> str:
    parts = urlsplit(base_url)
    return b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
