"""With which code programs end that stand-ins play. Pure."""

from __future__ import annotations

import signal

# Go programs that do not mind SIGTERM: as a container's first process they cannot die of it, and exit with 2.
# The others that are played end well: nginx, httpd, the pause container, netexec, serve-hostname.
HEEDLESS = frozenset(
    {
        "agnhost-pause",
        "echo-basic",
        "guestbook",
        "liveness",
        "no-snat-test",
        "no-snat-test-proxy",
        "porter",
        "test-webserver",
    }
)
_GO_CODE = 2
_SIGNALLED = 128


def exit_code(app: str, signum: int) -> int:
    """Give the exit code of the program that an app plays, after a signal."""
    if signum == signal.SIGKILL:
        return _SIGNALLED + signum
    return _GO_CODE if app in HEEDLESS else 0
