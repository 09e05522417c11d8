from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from netemu.runtime.container import AppSpec, Port
from netemu.standin.apps.model import (
    Address,
    AppError,
    Datagrams,
    EchoStream,
    Greet,
    Http,
    LookupFailedError,
    Request,
    Response,
)
from netemu.standin.apps.registry import APPS, build

CLIENT = Address("10.244.2.4", 41234)


class Surroundings:
    """A pod's network in memory: who answers what, and the code that the app ended with."""

    def __init__(self, answers=None, names=None):
        self.answers = answers or {}
        self.names = names or {}
        self.exit_code = None

    async def resolve(self, host):
        if host not in self.names:
            raise LookupFailedError(f"lookup {host} on 10.96.0.10:53: no such host")
        return self.names[host]

    async def http_get(self, address, target, *, within_s):
        return self._answer("http", address, target)

    async def exchange(self, address, data, *, within_s):
        return self._answer("udp", address, data.decode())

    def exit(self, code):
        self.exit_code = code

    def _answer(self, protocol, address, asked):
        answer = self.answers[protocol, address.host, address.port, asked].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def spec(app="http", **fields):
    return AppSpec(
        id="a",
        app=app,
        netns="n",
        log_path="/l",
        pod="web-1",
        hostname="web-1",
        namespace="shop",
        node="node-2",
        pod_ip="10.244.1.3",
        **fields,
    )


def listeners(app, surroundings=None, **fields):
    return build(spec(app, **fields), surroundings or Surroundings())


def get(target, *headers):
    return Request("GET", target, headers, client=CLIENT)


def services(app, **fields):
    return {(one.port.number, one.port.protocol): type(one.service) for one in listeners(app, **fields)}


DECLARED = (Port(number=80), Port(number=443), Port(number=53, protocol="UDP"))


@pytest.mark.parametrize(
    ("app", "fields", "served"),
    [
        pytest.param(
            "http",
            {"ports": DECLARED},
            {(80, "TCP"): Http, (443, "TCP"): Http, (53, "UDP"): Datagrams},
            id="http",
        ),
        pytest.param("pause", {"ports": DECLARED[:1]}, {(80, "TCP"): Http}, id="pause"),
        pytest.param(
            "echo", {"ports": DECLARED[1:]}, {(443, "TCP"): EchoStream, (53, "UDP"): Datagrams}, id="echo"
        ),
        pytest.param(
            "http-echo", {"ports": DECLARED[:1]}, {(5678, "TCP"): Http, (80, "TCP"): Http}, id="http-echo"
        ),
        pytest.param(
            "http-echo",
            {"args": ("-listen=:80",), "ports": DECLARED[:1]},
            {(80, "TCP"): Http},
            id="its-port-once",
        ),
        pytest.param("netexec", {}, {(8080, "TCP"): Http, (8081, "UDP"): Datagrams}, id="netexec"),
        pytest.param(
            "netexec", {"args": ("--http-port", "80", "--udp-port=-1")}, {(80, "TCP"): Http}, id="without-udp"
        ),
        pytest.param("serve-hostname", {}, {(9376, "TCP"): Http}, id="serve-hostname"),
        pytest.param(
            "serve-hostname",
            {"args": ("--tcp", "--udp", "--http=false", "--port=9")},
            {(9, "TCP"): Greet, (9, "UDP"): Datagrams},
            id="raw",
        ),
    ],
)
def test_an_app_listens_where_its_ports_and_flags_say(app, fields, served):
    assert services(app, **fields) == served


@pytest.mark.parametrize(
    ("app", "args", "words"),
    [
        pytest.param(
            "netexec", ("--port=80",), "unknown flag: --port; netemu plays --http-port", id="unknown"
        ),
        pytest.param("netexec", ("--http-port",), "flag needs an argument: --http-port", id="no-value"),
        pytest.param(
            "netexec", ("--http-port=http",), 'invalid argument "http" for "--http-port"', id="no-number"
        ),
        pytest.param("netexec", ("--http-port=70000",), "not a port", id="no-port"),
        pytest.param("netexec", ("extra",), 'unknown argument "extra"', id="no-flag"),
        pytest.param("serve-hostname", ("--tcp",), "HTTP mode at the same time", id="both-modes"),
        pytest.param("http-echo", ("-status-code=99",), "--status-code", id="no-status"),
        pytest.param("games", (), 'no app is called "games"', id="no-app"),
    ],
)
def test_flags_that_cannot_work_end_the_container_with_words(app, args, words):
    with pytest.raises(AppError) as caught:
        listeners(app, args=args)

    assert words in str(caught.value)


def test_every_app_of_the_catalogue_can_be_built():
    assert all(listeners(app, ports=DECLARED) for app in APPS)


def test_http_says_who_answered_to_whom_and_what_was_asked():
    (served,) = listeners("http", ports=DECLARED[:1])

    answer = served.service.answer(get("/shop?x=1", ("Host", "website"), ("X-Trace", "7")))

    assert answer.body.decode().splitlines() == [
        "Hostname: web-1",
        "Pod: web-1",
        "Namespace: shop",
        "Node: node-2",
        "IP: 10.244.1.3",
        "RemoteAddr: 10.244.2.4:41234",
        "GET /shop?x=1 HTTP/1.1",
        "Host: website",
        "X-Trace: 7",
    ]
    assert answer.content_type == "text/plain; charset=utf-8"


def test_http_answers_in_json_where_that_is_accepted():
    (served,) = listeners("http", ports=DECLARED[:1])

    answer = served.service.answer(get("/", ("Accept", "application/json")))

    assert answer.content_type == "application/json"
    assert json.loads(answer.body) == {
        "hostname": "web-1",
        "pod": "web-1",
        "namespace": "shop",
        "node": "node-2",
        "ip": "10.244.1.3",
        "remoteAddr": "10.244.2.4:41234",
        "method": "GET",
        "target": "/",
        "headers": {"Accept": "application/json"},
    }


@pytest.mark.parametrize(
    ("fields", "target", "status", "body"),
    [
        pytest.param({"args": ("-text=hi",)}, "/any", 200, b"hi\n", id="text"),
        pytest.param({"args": ("--text", "hi", "-status-code=503")}, "/", 503, b"hi\n", id="status"),
        pytest.param({"env": {"ECHO_TEXT": "from env"}}, "/", 200, b"from env\n", id="environment"),
        pytest.param({}, "/", 200, b"hello-world\n", id="default"),
        pytest.param({"args": ("-text=hi",)}, "/health", 200, b'{"status":"ok"}\n', id="health"),
    ],
)
def test_http_echo_says_its_text(fields, target, status, body):
    first, *_ = listeners("http-echo", **fields)
    answer = first.service.answer(get(target))

    assert (answer.status, answer.body) == (status, body)


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
        pytest.param("/shell?cmd=ls", 501, b"/shell is not played by netemu\n", id="shell"),
    ],
)
def test_netexec_answers_by_path(target, status, body):
    http, _ = listeners("netexec")
    answer = http.service.answer(get(target))

    assert (answer.status, answer.body) == (status, body)


def test_netexec_tells_the_time_everywhere_else():
    http, _ = listeners("netexec")

    assert http.service.answer(get("/")).body.startswith(b"NOW: 20")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        pytest.param(b"hostname\n", b"web-1", id="hostname"),
        pytest.param(b"clientip", b"10.244.2.4:41234", id="clientip"),
        pytest.param(b"echo a b", b"a b", id="echo"),
        pytest.param(b"dance", None, id="anything-else"),
    ],
)
def test_netexec_answers_datagrams(data, answer):
    _, udp = listeners("netexec")

    assert udp.service.answer(data, CLIENT) == answer


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        pytest.param(
            {"host": "web", "port": 80, "request": "hostname"},
            200,
            {"responses": ["web-7"]},
            id="http-by-name",
        ),
        pytest.param(
            {"host": "web", "port": 80, "request": "twice", "tries": 2},
            200,
            {
                "responses": ["web-7"],
                "errors": [
                    'Get "http://10.0.0.7:80/twice": dial tcp 10.0.0.7:80: connect: connection refused'
                ],
            },
            id="some-tries-fail",
        ),
        pytest.param(
            {"host": "web", "port": 53, "request": "clientip", "protocol": "UDP"},
            200,
            {"errors": ["reading from udp connection failed. err:'i/o timeout'"]},
            id="udp-without-an-answer",
        ),
    ],
)
async def test_netexec_dials_and_reports_in_the_original_s_form(query, status, body):
    surroundings = Surroundings(
        {
            ("http", "10.0.0.7", 80, "/hostname"): [b"web-7"],
            ("http", "10.0.0.7", 80, "/twice"): [b"web-7", ConnectionRefusedError(111, "refused")],
            ("udp", "10.0.0.7", 53, "clientip"): [TimeoutError()],
        },
        {"web": "10.0.0.7"},
    )
    http, _ = listeners("netexec", surroundings)

    answer = await http.service.answer(get(f"/dial?{urlencode(query)}"))

    assert (answer.status, json.loads(answer.body)) == (status, body)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param({"host": "web", "port": 80}, "request parameter not specified", id="no-request"),
        pytest.param({"request": "x", "tries": "many"}, "tries parameter is invalid", id="no-number"),
        pytest.param(
            {"request": "x", "protocol": "carrier-pigeon"}, "unsupported protocol", id="no-protocol"
        ),
        pytest.param({"request": "x", "host": "nope", "port": 80}, "no such host", id="no-such-host"),
        pytest.param({"request": "x", "host": "web", "port": "http"}, "port param are invalid", id="no-port"),
    ],
)
async def test_netexec_refuses_to_dial_what_makes_no_sense(query, words):
    http, _ = listeners("netexec", Surroundings(names={"web": "10.0.0.7"}))

    answer = await http.service.answer(get(f"/dial?{urlencode(query)}"))

    assert answer.status == 400
    assert words in answer.body.decode()


@pytest.mark.parametrize(("target", "code"), [("/exit?code=3", 3), ("/exit", 0), ("/shutdown", 0)])
def test_netexec_ends_when_it_is_asked_to(target, code):
    surroundings = Surroundings()
    http, _ = listeners("netexec", surroundings)

    assert http.service.answer(get(target)) == Response(close=True)
    assert surroundings.exit_code == code


def test_serve_hostname_serves_it_over_everything():
    (http,) = listeners("serve-hostname", args=("--close",))
    tcp, udp = listeners("serve-hostname", args=("--http=false", "--tcp", "--udp"))

    assert http.service.answer(get("/")) == Response(b"web-1", close=True)
    assert tcp.service.text == b"web-1"
    assert udp.service.answer(b"anything", CLIENT) == b"web-1"
