"""Addresses of endpoints: what of one may be shown, and what of one is a secret."""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import unquote, urlsplit

from structurer.errors import UsageError

BASE_URL: Final = "https://api.openai.com/v1"


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


def without_user(base_url: str) -> tuple[str, dict[str, str]]:
    """An address without the user and password that it may hold, and the header that stands for them (RFC 7617)."""
    parts = urlsplit(base_url)
    if parts.username is None:
        return base_url, {}
    user, password = unquote(parts.username), unquote(parts.password or "")
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
