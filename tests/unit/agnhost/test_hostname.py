from __future__ import annotations

import pytest

from netemu.agnhost import hostname
from netemu.agnhost.model import Address, AppError, Datagrams, Greet, Request, Response, Setting
from netemu.testing.surroundings import FakeSurroundings

CLIENT = Address("10.244.2.4", 41234)


def listeners(*args):
    return hostname.build(Setting(args, {}, "web-1"), FakeSurroundings())


def test_it_serves_the_host_name_over_everything():
    (http,) = listeners("--close")
    tcp, udp = listeners("--http=false", "--tcp", "--udp", "--port=9")

    assert http.service.answer(Request("GET", "/", client=CLIENT)) == Response(b"web-1", close=True)
    assert (http.number, tcp.number, udp.number, udp.protocol) == (9376, 9, 9, "UDP")
    assert tcp.service == Greet(b"web-1")
    assert isinstance(udp.service, Datagrams)
    assert udp.service.answer(b"anything", CLIENT) == b"web-1"


def test_it_serves_either_http_or_raw():
    with pytest.raises(AppError, match="HTTP mode at the same time"):
        listeners("--tcp")
