"""Asking the API from the command line."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from cem.cli.errors import FAILED, UNREACHABLE, USAGE, Failure
from cem.settings import Settings

__all__ = ["api_url", "get_json"]

_TIMEOUT_S: Final = 10.0
#: Statuses by which the API says that what was asked is wrong, not the API.
_WRONG_QUESTION: Final = frozenset({400, 422})


def api_url(settings: Settings) -> str:
    """Return where the API is: CEM_API_URL, else where this machine's listens."""
    if settings.api_url:
        return settings.api_url.rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api_host, settings.api_host)  # noqa: S104
    return f"http://[{host}]:{settings.api_port}" if ":" in host else f"http://{host}:{settings.api_port}"


def get_json(settings: Settings, path: str, query: dict[str, str | None]) -> Any:
    """Return the answer to a GET. Raises Failure with the problem's own sentence, or one that says what is down."""
    url = api_url(settings)
    if not url.startswith(("http://", "https://")):
        raise Failure(f"CEM_API_URL: {url} is no http or https address", FAILED)
    given = {name: value for name, value in query.items() if value is not None}
    request = urllib.request.Request(url + path + (f"?{urlencode(given)}" if given else ""))  # noqa: S310
    if settings.api_key:
        request.add_header("X-API-Key", settings.api_key)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            return msgspec.json.decode(response.read())
    except urllib.error.HTTPError as error:
        raise _refused(error, url) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ConnectionRefusedError):
            said = f"cannot reach the API: nobody listens at {url}; start it (cem api), or set CEM_API_URL"
        else:
            said = f"cannot reach the API at {url} ({reason}); is it running, and is CEM_API_URL right?"
        raise Failure(said, UNREACHABLE) from None
    except msgspec.DecodeError:
        raise Failure(f"what answers at {url} is not the API of cem", UNREACHABLE) from None


def _refused(error: urllib.error.HTTPError, url: str) -> Failure:
    if error.code == 401:
        return Failure(f"the API at {url} wants a key: set CEM_API_KEY", UNREACHABLE)
    try:
        problem = msgspec.json.decode(error.read())
        said = problem["detail"]
    except (msgspec.DecodeError, KeyError, TypeError):
        said = f"it answered {error.code} {error.reason}"
    code = USAGE if error.code in _WRONG_QUESTION else FAILED
    return Failure(f"the API at {url}: {said}", code)
