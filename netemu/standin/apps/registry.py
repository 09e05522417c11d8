"""Every app by its name."""

from __future__ import annotations

from collections.abc import Callable

from netemu.agnhost import (
    echo_basic,
    guestbook,
    hostname,
    liveness,
    netexec,
    nosnat,
    pause,
    porter,
    webserver,
)
from netemu.agnhost.model import AppError, Listener, Setting, Surroundings
from netemu.agnhost.model import Build as BuildAgnhost
from netemu.runtime.container import AppSpec
from netemu.standin.apps import echo, http, http_echo

Build = Callable[[AppSpec, Surroundings], tuple[Listener, ...]]


def _of_agnhost(build: BuildAgnhost) -> Build:
    return lambda spec, surroundings: build(Setting(spec.args, spec.env, spec.hostname), surroundings)


def _pause(spec: AppSpec, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Wait; one that was not asked to has ports, which answer as those of other images."""
    pausing = _of_agnhost(pause.build)(spec, surroundings)
    return (*pausing, *http.build(spec, surroundings))


APPS: dict[str, Build] = {
    "agnhost-http-echo": _of_agnhost(echo_basic.build_http_echo),
    "agnhost-pause": _pause,
    "echo": echo.build,
    "echo-basic": _of_agnhost(echo_basic.build),
    "guestbook": _of_agnhost(guestbook.build),
    "http": http.build,
    "http-echo": http_echo.build,
    "httpd": http.greeting("It works!"),
    "kitten": http.picture("kitten"),
    "liveness": _of_agnhost(liveness.build),
    "nautilus": http.picture("nautilus"),
    "netexec": _of_agnhost(netexec.build),
    "nginx": http.greeting("Welcome to nginx!"),
    "no-snat-test": _of_agnhost(nosnat.build),
    "no-snat-test-proxy": _of_agnhost(nosnat.build_proxy),
    "pause": http.build,
    "porter": _of_agnhost(porter.build),
    "serve-hostname": _of_agnhost(hostname.build),
    "test-webserver": _of_agnhost(webserver.build_elsewhere),
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
