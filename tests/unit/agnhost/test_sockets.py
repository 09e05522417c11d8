from __future__ import annotations

import pytest

from netemu.agnhost import netexec, porter
from netemu.agnhost.model import Setting
from netemu.agnhost.sockets import complaint
from netemu.testing.surroundings import FakeSurroundings

TAKEN, UNKNOWN = OSError(98, "taken"), OSError(93, "unknown")
NETEXEC = "Error occurred: failed to create listener for"


@pytest.mark.parametrize(
    ("build", "args", "env", "problem", "words"),
    [
        (netexec.build, (), {}, TAKEN, "listen tcp :8080: bind: address already in use"),
        (
            netexec.build,
            (),
            {},
            TAKEN,
            f"{NETEXEC} UDP address :8081:listen udp :8081: bind: address already in use",
        ),
        (netexec.build, ("--sctp-port=9",), {}, UNKNOWN, f"{NETEXEC} SCTP address :9:protocol not supported"),
        (
            porter.build,
            (),
            {"SERVE_SCTP_PORT_9": "x"},
            UNKNOWN,
            "Failed to listen SCTP. error:protocol not supported",
        ),
    ],
    ids=["http", "udp", "sctp", "porter-sctp"],
)
def test_what_cannot_listen_says_why_as_the_original(build, args, env, problem, words):
    listeners = build(Setting(args, env, "web-1"), FakeSurroundings())

    assert words in [complaint(listener, problem) for listener in listeners]
