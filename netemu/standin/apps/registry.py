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
from netemu.standin.apps import echo, echoserver, http, http_echo

Build = Callable[[AppSpec, Surroundings], tuple[Listener, ...]]


AGNHOST: dict[str, BuildAgnhost] = {
    "agnhost-http-echo": echo_basic.build_http_echo,
    "echo-basic": echo_basic.build,
    "guestbook": guestbook.build,
    "liveness": liveness.build,
    "netexec": netexec.build,
    "no-snat-test": nosnat.build,
    "no-snat-test-proxy": nosnat.build_proxy,
    "porter": porter.build,
    "serve-hostname": hostname.build,
    "test-webserver": webserver.build_elsewhere,
}
"""Apps that know nothing of pods but what a process would find."""


def _of_agnhost(build: BuildAgnhost) -> Build:
    return lambda spec, surroundings: build(Setting(spec.args, spec.env, spec.hostname), surroundings)


def _pause(spec: AppSpec, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Wait; one that was not asked to has ports, which answer as those of other images."""
    pausing = _of_agnhost(pause.build)(spec, surroundings)
    return (*pausing, *http.build(spec, surroundings))


APPS: dict[str, Build] = {
    **{name: _of_agnhost(build) for name, build in AGNHOST.items()},
    "agnhost-pause": _pause,
    "echo": echo.build,
    "echoserver": echoserver.build,
    "http": http.build,
    "http-echo": http_echo.build,
    "httpd": http.greeting("It works!"),
    "kitten": http.picture("kitten"),
    "nautilus": http.picture("nautilus"),
    "nginx": http.greeting("Welcome to nginx!"),
    "pause": http.build,
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
