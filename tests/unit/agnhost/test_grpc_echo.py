"""echo-basic over gRPC: its messages, byte by byte, and what TLS adds."""

from __future__ import annotations

import pytest

from netemu.agnhost import echo_basic, grpc_echo
from netemu.agnhost.model import Setting
from netemu.agnhost.tls import TlsState, iana_name
from netemu.testing.surroundings import FakeSurroundings

ENV = {"GRPC_ECHO_SERVER": "1", "POD_NAME": "p", "NAMESPACE": "shop", "HTTP_PORT": "3000"}
ECHO = f"/{grpc_echo.SERVICE}/Echo"
ASKED = ((":method", "POST"), (":path", ECHO), (":authority", "web"), ("te", "trailers"), ("x-a", "1"))
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n" + "x" * 200


def fields(message):
    """Read a message: (number, content) of each field; all have a length."""
    at, found = 0, []
    while at < len(message):
        number, shift, length = message[at] >> 3, 0, 0
        at += 1
        while True:
            byte = message[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append((number, message[at : at + length]))
        at += length
    return found


def serve(**env):
    return echo_basic.build(Setting((), {**ENV, **env}, "web-1"), FakeSurroundings())


def assertions(answer):
    assert answer.body[0] == 0
    ((number, content),) = fields(answer.body[5:])
    assert (number, len(answer.body[5:])) == (1, int.from_bytes(answer.body[1:5], "big"))
    return fields(content)


def test_what_was_asked_comes_back():
    (listener,) = serve()
    answer = listener.service.answer(ASKED, b"\0\0\0\0\0")
    found = assertions(answer)

    assert listener.number == 3000
    assert (answer.headers, answer.trailers) == (
        (("content-type", "application/grpc"),),
        (("grpc-status", "0"),),
    )
    assert found[0] == (1, ECHO.encode())
    assert [fields(content) for number, content in found if number == 2] == [
        [(1, b":authority"), (2, b"web")],
        [(1, b"x-a"), (2, b"1")],
    ]
    assert dict(found)[3] == b"web"
    assert fields(dict(found)[4]) == [(1, b"shop"), (4, b"p")]
    assert 5 not in dict(found)


def test_over_tls_what_was_agreed_on_comes_too():
    _, secure = serve(TLS_SERVER_CERT="/c", TLS_SERVER_PRIV_KEY="/k", HTTPS_PORT="9443")
    state = TlsState("TLSv1.3", "TLS_AES_128_GCM_SHA256", "web.example", "h2", (CERTIFICATE,))
    answer = secure.service.of_tls(state)(ASKED, b"")

    assert (secure.number, secure.service.certificate) == (9443, "/c")
    assert fields(dict(assertions(answer))[5]) == [
        (1, b"TLSv1.3"),
        (2, b"h2"),
        (3, b"web.example"),
        (4, b"TLS_AES_128_GCM_SHA256"),
        (5, CERTIFICATE.encode()),
    ]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/{grpc_echo.SERVICE}/EchoThree", "method EchoThree not implemented"),
        (f"/{grpc_echo.SERVICE}/X", f"unknown method X for service {grpc_echo.SERVICE}"),
        ("/other.Service/Echo", "unknown service other.Service"),
    ],
)
def test_what_there_is_not_is_said_in_grpc_s_words(path, words):
    (listener,) = serve()
    answer = listener.service.answer(((":path", path),), b"")

    assert answer.trailers == (("grpc-status", "12"), ("grpc-message", words))
    assert answer.body == b""


@pytest.mark.parametrize(
    ("openssl", "iana"),
    [
        ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("ECDHE-RSA-AES256-SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
        ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("", ""),
    ],
)
def test_cipher_suites_have_the_names_that_go_knows(openssl, iana):
    assert iana_name(openssl) == iana


def test_the_document_says_what_was_agreed_on():
    state = TlsState("TLSv1.3", "TLS_AES_128_GCM_SHA256", "web", "", ())

    assert echo_basic.tls_facts(state) == {
        "version": "TLSv1.3",
        "serverName": "web",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
    }
