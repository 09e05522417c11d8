"""Every app by its name."""

from __future__ import annotations

from netemu.runtime.container import AppSpec
from netemu.standin.apps import echo, http, http_echo, netexec, serve_hostname
from netemu.standin.apps.model import AppError, Build, Listener, Surroundings

APPS: dict[str, Build] = {
    "echo": echo.build,
    "http": http.build,
    "http-echo": http_echo.build,
    "netexec": netexec.build,
    "pause": http.build,
    "serve-hostname": serve_hostname.build,
}


def build(spec: AppSpec, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Give what an app listens on.

    Raises:
        AppError: it cannot start.

    """
    found = APPS.get(spec.app)
    if found is None:
        raise AppError(f'no app is called "{spec.app}"; there are {", ".join(APPS)}')
    return found(spec, surroundings)
