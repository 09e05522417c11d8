"""[IO] ``agnhost inclusterclient``: ask the API for its health with the pod's own token, again and again."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import sys
import time

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.golang import join_host_port
from netemu.agnhost.model import AppError
from netemu.agnhost.stderr import say_klog

_FLAGS = {"poll-interval": "30"}
_FILES = "/var/run/secrets/kubernetes.io/serviceaccount"
_ASK_S = 10.0


def run(args: tuple[str, ...]) -> int:
    """Ask until we are told to end."""
    interval_s = parse_number_flag("poll-interval", parse_flags(args, _FLAGS)["poll-interval"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    say_klog("started", "main.go:61")
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    if not host or not port:
        raise AppError(
            "err: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
            "KUBERNETES_SERVICE_PORT must be defined"
        )
    while True:
        time.sleep(interval_s)
        say_klog("calling /healthz", "main.go:79")
        say_klog(f"authz_header={token_hash(_token())}", "main.go:97")
        try:
            status, body = _ask(host, int(port))
        except OSError as err:
            status, body = 0, str(err)
        if status != 200:
            say_klog("status=failed", "main.go:82", "E")
            url = f"https://{join_host_port(host, port)}/healthz"
            say_klog(
                f'error checking /healthz: Get "{url}": {status or "failed"}\n{body}\n', "main.go:83", "E"
            )


def token_hash(token: str) -> str:
    """Give what is said of a token: enough to see that it changes."""
    digest = hashlib.sha256(f"salt|Bearer {token}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _token() -> str:
    with open(f"{_FILES}/token") as file:
        return file.read().strip()


def _ask(host: str, port: int) -> tuple[int, str]:
    import http.client
    import ssl

    context = ssl.create_default_context(cafile=f"{_FILES}/ca.crt")
    connection = http.client.HTTPSConnection(host, port, timeout=_ASK_S, context=context)
    try:
        connection.request("GET", "/healthz", headers={"Authorization": f"Bearer {_token()}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
