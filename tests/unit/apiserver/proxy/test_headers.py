"""Headers that pass the proxy, and those that do not."""

from __future__ import annotations

from netemu.apiserver.proxy.headers import forwarded_headers, request_headers, response_headers


def test_credentials_and_what_ends_here_are_not_passed_on():
    given = [
        ("Host", "api"),
        ("Authorization", "Bearer secret"),
        ("Impersonate-User", "jane"),
        ("Connection", "keep-alive, X-Private"),
        ("X-Private", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Accept", "*/*"),
    ]

    assert request_headers(given, upgrade="", forwarded=[]) == [
        ("Host", "api"),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ]


def test_an_upgrade_is_asked_for_again():
    headers = request_headers([("Upgrade", "websocket")], upgrade="websocket", forwarded=[])

    assert headers == [("Connection", "Upgrade"), ("Upgrade", "websocket")]


def test_a_backend_learns_who_asked_through_whom():
    fields = forwarded_headers(client="10.0.0.2", given="10.0.0.1", host="api", scheme="https", uri="/x")

    assert dict(fields) == {
        "X-Forwarded-For": "10.0.0.1, 10.0.0.2",
        "X-Forwarded-Host": "api",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Uri": "/x",
    }


def test_what_the_client_claims_of_itself_is_replaced():
    forwarded = [("X-Forwarded-Host", "api")]
    headers = request_headers([("x-forwarded-host", "evil")], upgrade="", forwarded=forwarded)

    assert headers == [("X-Forwarded-Host", "api"), ("Connection", "close")]


def test_an_answers_cookies_all_come_through():
    given = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Keep-Alive", "timeout=5")]

    assert response_headers(given) == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
