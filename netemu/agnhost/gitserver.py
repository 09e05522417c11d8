"""``agnhost fake-gitserver``: says what it is, and has nothing to clone."""

from __future__ import annotations

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.model import Http, Listener, Request, Response, Setting, Surroundings

_PORT = 8000


def build(setting: Setting, _surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve on port 8000."""
    parse_flags(setting.args, {})
    return (Listener(_PORT, Http(_answer, access_log=False)),)


def _answer(_request: Request) -> Response:
    return Response(b"I am a fake git server")
