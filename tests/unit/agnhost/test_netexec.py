from __future__ import annotations

import inspect
import json
from urllib.parse import urlencode

import pytest

from netemu.agnhost import netexec
from netemu.agnhost.client import ConnectError, ExchangeError
from netemu.agnhost.model import (
    Address,
    AppError,
    Datagrams,
    Http,
    Messages,
    Output,
    Request,
    Response,
    Setting,
    Tls,
)
from netemu.testing.surroundings import FakeSurroundings

CLIENT = Address("10.244.2.4", 41234)


def listeners(*args, surroundings=None):
    return netexec.build(Setting(args, {}, "web-1"), surroundings or FakeSurroundings())


async def asked(target, *headers, surroundings=None, args=(), method="GET", body=b""):
    first, *_ = listeners(*args, surroundings=surroundings)
    answer = first.service.answer(Request(method, target, headers, client=CLIENT, body=body))
    return await answer if inspect.isawaitable(answer) else answer


@pytest.mark.parametrize(
    ("args", "served"),
    [
        pytest.param((), {(8080, "TCP"): Http, (8081, "UDP"): Datagrams}, id="netexec"),
        pytest.param(("--http-port", "80", "--udp-port=-1"), {(80, "TCP"): Http}, id="without-udp"),
        pytest.param(
            ("--sctp-port=9", "--udp-port=7"),
            {(8080, "TCP"): Http, (7, "UDP"): Datagrams, (9, "SCTP"): Messages},
            id="sctp",
        ),
        pytest.param(
            ("--tls-cert-file=/localhost.crt", "--tls-private-key-file=/localhost.key", "--udp-port", "-1"),
            {(8080, "TCP"): Tls},
            id="tls",
        ),
    ],
)
def test_it_listens_where_its_flags_say(args, served):
    assert {(one.number, one.protocol): type(one.service) for one in listeners(*args)} == served


def test_datagrams_can_be_taken_at_some_addresses_only():
    hosts = [one.host for one in listeners("--udp-listen-addresses=10.0.0.7,::1,10.0.0.7")]

    assert hosts == ["", "10.0.0.7", "::1"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(("--port=80",), "unknown flag: --port; there are --http-port", id="unknown"),
        pytest.param(("--http-port",), "flag needs an argument: --http-port", id="no-value"),
        pytest.param(("--http-port=http",), 'invalid argument "http" for "--http-port"', id="no-number"),
        pytest.param(("--http-port=70000",), "not a port", id="no-port"),
        pytest.param(("extra",), 'unknown argument "extra"', id="no-flag"),
        pytest.param(("--udp-listen-addresses=web",), "invalid address web", id="no-address"),
    ],
)
def test_flags_that_cannot_work_end_the_container_with_words(args, words):
    with pytest.raises(AppError) as caught:
        listeners(*args)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        pytest.param("/hostname", 200, b"web-1", id="hostname"),
        pytest.param("/hostName", 200, b"web-1", id="its-older-name"),
        pytest.param("/clientip", 200, b"10.244.2.4:41234", id="clientip"),
        pytest.param("/echo?msg=a+b", 200, b"a b", id="echo"),
        pytest.param("/echo?msg=no&code=404", 404, b"no", id="echo-with-a-status"),
        pytest.param(
            "/echo?code=x", 200, b"argument 'code' must be an integer or empty, got \"x\"\n", id="no-status"
        ),
        pytest.param("/healthz", 200, b"", id="healthz"),
        pytest.param("/readyz", 200, b"ok", id="readyz"),
        pytest.param("/header?key=x-trace", 200, b"7", id="one-header"),
        pytest.param("/header", 200, b'{"Accept":["a","b"],"X-Trace":["7"]}', id="all-headers"),
    ],
)
async def test_it_answers_by_path(target, status, body):
    answer = await asked(target, ("Host", "w"), ("x-TRACE", "7"), ("accept", "a"), ("accept", "b"))

    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        pytest.param("http://web:8080/hostname?x=1", b"web-1", id="as-a-proxy-is-asked"),
        pytest.param("/echo?msg=a://b", b"a://b", id="a-url-in-the-query"),
        pytest.param("/hostname#there", b"web-1", id="a-fragment"),
    ],
)
async def test_paths_are_found_in_all_forms_of_targets(target, body):
    assert (await asked(target)).body == body


async def test_slashes_too_many_lead_to_the_path_that_was_meant():
    answer = await asked("//hostname")

    assert (answer.status, dict(answer.headers)["Location"]) == (301, "/hostname")


async def test_it_tells_the_time_everywhere_else():
    assert (await asked("/")).body.startswith(b"NOW: 20")


async def test_without_datagrams_it_is_never_ready_as_the_original():
    assert (await asked("/healthz", args=("--udp-port=-1",))).status == 412


async def test_it_is_not_ready_but_well_while_it_ends():
    ending = FakeSurroundings()
    ending.is_ending = True

    assert (await asked("/readyz", surroundings=ending))[:2] == (b"shutting down", 503)
    assert (await asked("/healthz", surroundings=ending)).status == 200


async def test_an_override_answers_whatever_is_asked():
    answer = await asked("/hostname", args=("--http-override=/echo?msg=always&code=418",))

    assert (answer.status, answer.body) == (418, b"always")


@pytest.mark.parametrize(
    ("query", "status", "location"),
    [
        pytest.param("location=/echo%3Fmsg=foobar&code=307", 307, "/echo?msg=foobar", id="with-a-code"),
        pytest.param("location=http://web/a", 302, "http://web/a", id="to-another-host"),
        pytest.param("location=there", 302, "/there", id="from-here"),
    ],
)
async def test_it_leads_elsewhere(query, status, location):
    answer = await asked(f"/redirect?{query}")

    assert (answer.status, dict(answer.headers)["Location"]) == (status, location)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param(b"hostname\n", b"web-1", id="hostname"),
        pytest.param(b"HostName", b"web-1", id="in-capitals"),
        pytest.param(b"clientip", b"10.244.2.4:41234", id="clientip"),
        pytest.param(b"echo a b", b"a b", id="echo"),
        pytest.param(b"echo", None, id="echo-of-nothing"),
        pytest.param(b"dance", None, id="anything-else"),
    ],
)
def test_it_answers_datagrams(data, answer):
    _, udp = listeners()

    assert udp.service.answer(data, CLIENT) == answer


@pytest.mark.parametrize(
    ("output", "document"),
    [
        pytest.param(Output(b"hi\n", 0), {"output": "hi\n"}, id="output"),
        pytest.param(Output(b"", 0), {}, id="nothing"),
        pytest.param(Output(b"no\n", 3), {"output": "no\n", "error": "exit status 3"}, id="failure"),
        pytest.param(OSError("no sandbox"), {"error": "no sandbox"}, id="no-process"),
    ],
)
async def test_it_runs_commands_in_its_container(output, document):
    surroundings = FakeSurroundings(output=output)
    answer = await asked("/shell?cmd=echo+hi", surroundings=surroundings)

    assert json.loads(answer.body) == document
    assert surroundings.ran == [(("/bin/sh", "-c", "echo hi"), b"")]


async def test_a_form_says_what_to_run_too():
    surroundings = FakeSurroundings()
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    await asked("/shell", kind, method="POST", body=b"shellCommand=ls+%2F", surroundings=surroundings)

    assert surroundings.ran[0][0] == ("/bin/sh", "-c", "ls /")


async def test_an_uploaded_file_is_stored_in_the_container():
    surroundings = FakeSurroundings(output=Output(b"/uploads/upload123", 0))
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n\0data\r\n\r\n--B--\r\n'
    kind = ("Content-Type", "multipart/form-data; boundary=B")
    answer = await asked("/upload", kind, method="POST", body=body, surroundings=surroundings)

    assert (answer.status, json.loads(answer.body)) == (201, {"output": "/uploads/upload123"})
    assert surroundings.ran[0][1] == b"\0data\r\n"


async def test_an_upload_without_a_file_is_an_error():
    assert json.loads((await asked("/upload", method="POST")).body) == {"error": "Unable to upload file."}


@pytest.mark.parametrize(
    ("target", "code", "response"),
    [
        pytest.param("/exit?code=3", 3, Response(close=True, abort=True), id="at-once"),
        pytest.param("/exit", 0, Response(close=True, abort=True), id="well"),
        pytest.param("/exit?code=2&timeout=1s&wait=1ns", 2, Response(close=True), id="with-an-answer"),
        pytest.param("/shutdown", 0, Response(abort=True), id="shutdown"),
    ],
)
async def test_it_ends_when_it_is_asked_to(target, code, response):
    surroundings = FakeSurroundings()

    assert await asked(target, surroundings=surroundings) == response
    assert surroundings.exit_code == code


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("code=x", 'an integer [0-127] or empty, got "x"', id="code"),
        pytest.param("timeout=5", "'timeout' must be a valid golang duration", id="timeout"),
        pytest.param("wait=soon", "'wait' must be a valid golang duration", id="wait"),
    ],
)
async def test_it_does_not_end_for_nonsense(query, words):
    surroundings = FakeSurroundings()

    assert words in (await asked(f"/exit?{query}", surroundings=surroundings)).body.decode()
    assert surroundings.exit_code is None


HERE = "10.0.0.2:4711"


def unanswered():
    problem = ExchangeError(HERE)
    problem.__cause__ = TimeoutError()
    return problem


DIALED = {
    ("http", "10.0.0.7", 80, "/hostname"): [b"web-7"],
    ("http", "10.0.0.7", 80, "/twice"): [ConnectError(111, "refused"), b"web-7"],
    ("http", "10.0.0.7", 80, "/last"): [b"web-7", ConnectError(111, "refused")],
    ("http", "10.0.0.7", 80, "/slow"): [TimeoutError()],
    ("udp", "10.0.0.7", 53, "clientip"): [unanswered()],
    ("udp", "10.0.0.7", 54, "clientip"): [OSError(101, "unreachable")],
    ("sctp", "10.0.0.7", 10, "hostname"): [OSError(93, "unknown")],
    ("sctp", "10.0.0.7", 9, "hostname"): [b"web-7"],
}
UNANSWERED = f"read udp {HERE}->10.0.0.7:53: i/o timeout"
TOO_LATE = "dial tcp 10.0.0.7:80: i/o timeout (Client.Timeout exceeded while awaiting headers)"
REFUSED = "dial tcp 10.0.0.7:80: connect: connection refused"


@pytest.mark.parametrize(
    ("query", "document"),
    [
        pytest.param(
            {"host": "web", "port": 80, "request": "hostname"}, {"responses": ["web-7"]}, id="http-by-name"
        ),
        pytest.param(
            {"host": "web", "port": "http", "request": "hostname"}, {"responses": ["web-7"]}, id="by-service"
        ),
        pytest.param(
            {"host": "web", "port": 80, "request": "twice", "tries": 2},
            {"responses": ["web-7"], "errors": [f'Get "http://10.0.0.7:80/twice": {REFUSED}']},
            id="some-tries-fail",
        ),
        pytest.param(
            {"host": "web", "port": 80, "request": "last", "tries": 2},
            {"errors": [f'Get "http://10.0.0.7:80/last": {REFUSED}']},
            id="the-last-one-fails",
        ),
        pytest.param(
            {"host": "web", "port": 80, "request": "slow"},
            {"errors": [f'Get "http://10.0.0.7:80/slow": {TOO_LATE}']},
            id="nobody-answers",
        ),
        pytest.param(
            {"host": "web", "port": 53, "request": "clientip", "protocol": "UDP"},
            {"errors": [f"reading from udp connection failed. err:'{UNANSWERED}'"]},
            id="udp-without-an-answer",
        ),
        pytest.param(
            {"host": "web", "port": 54, "request": "clientip", "protocol": "udp"},
            {"errors": ["udp dial failed. err:dial udp 10.0.0.7:54: connect: network is unreachable"]},
            id="udp-without-a-way",
        ),
        pytest.param(
            {"host": "web", "port": 10, "request": "hostname", "protocol": "sctp"},
            {"errors": ["sctp dial failed. err:protocol not supported"]},
            id="sctp-that-the-kernel-has-not",
        ),
        pytest.param(
            {"host": "web", "port": 9, "request": "hostname", "protocol": "sctp"},
            {"responses": ["web-7"]},
            id="sctp",
        ),
    ],
)
async def test_it_dials_and_reports_in_the_original_s_form(query, document):
    answers = {key: list(value) for key, value in DIALED.items()}
    answer = await asked(
        f"/dial?{urlencode(query)}", surroundings=FakeSurroundings(answers, {"web": "10.0.0.7"})
    )

    assert (answer.status, json.loads(answer.body)) == (200, document)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param({"host": "web", "port": 80}, "request parameter not specified. <nil>", id="no-request"),
        pytest.param({"request": "x", "tries": "many"}, "tries parameter is invalid", id="no-number"),
        pytest.param(
            {"request": "x", "protocol": "carrier-pigeon"}, "unsupported protocol", id="no-protocol"
        ),
        pytest.param({"request": "x", "host": "nope", "port": 80}, "no such host", id="no-such-host"),
        pytest.param({"request": "x", "host": "web", "port": "spam"}, "unknown port", id="no-port"),
    ],
)
async def test_it_refuses_to_dial_what_makes_no_sense(query, words):
    surroundings = FakeSurroundings(names={"web": "10.0.0.7"})
    answer = await asked(f"/dial?{urlencode(query)}", surroundings=surroundings)

    assert answer.status == 400
    assert words in answer.body.decode()
