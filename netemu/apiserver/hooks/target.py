"""Where webhooks are, and what is said of those that cannot be asked. Pure."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from netemu.errors import NetemuError

Json = Mapping[str, Any]


class CallError(NetemuError):
    """A webhook that could not be asked, or did not answer as one."""

    code = "WEBHOOK_CALL"


class Target(NamedTuple):
    """Where to send a review: a Service of the cluster, or a host."""

    url: str
    host: str
    port: int
    path: str
    ca: str = ""
    namespace: str = ""
    service: str = ""


def target_of(client: Json) -> Target:
    """Read a webhook's ``clientConfig``.

    Raises:
        CallError: it names no place.

    """
    ca = _ca(client.get("caBundle") or "")
    service = client.get("service")
    if service:
        name, namespace = service["name"], service["namespace"]
        host, port = f"{name}.{namespace}.svc", int(service.get("port") or 443)
        path = f"/{(service.get('path') or '').lstrip('/')}"
        return Target(f"https://{host}:{port}{path}", host, port, path, ca, namespace, name)
    url = urlsplit(client.get("url") or "")
    if url.scheme != "https" or not url.hostname:
        raise CallError("the webhook's clientConfig names neither a service nor an https URL")
    path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    return Target(str(client["url"]), url.hostname, url.port or 443, path, ca)


def _ca(bundle: str) -> str:
    try:
        return b64decode(bundle).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as err:
        raise CallError(f"unable to load root certificates: {err}") from err
