from __future__ import annotations

import json

import pytest

from netemu.agnhost.model import Address, AppError, Datagrams, EchoStream, Http, Request
from netemu.runtime.container import AppSpec, Port
from netemu.standin.apps.registry import APPS, build
from netemu.testing.surroundings import FakeSurroundings

CLIENT = Address("10.244.2.4", 41234)


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
    return build(spec(app, **fields), surroundings or FakeSurroundings())


def get(target, *headers):
    return Request("GET", target, headers, client=CLIENT)


def services(app, **fields):
    return {(one.number, one.protocol): type(one.service) for one in listeners(app, **fields)}


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
    ],
)
def test_an_app_listens_where_its_ports_and_flags_say(app, fields, served):
    assert services(app, **fields) == served


@pytest.mark.parametrize(
    ("app", "args", "words"),
    [
        pytest.param("http-echo", ("-status-code=99",), "--status-code", id="no-status"),
        pytest.param("games", (), 'no app is called "games"', id="no-app"),
    ],
)
def test_flags_that_cannot_work_end_the_container_with_words(app, args, words):
    with pytest.raises(AppError) as caught:
        listeners(app, args=args)

    assert words in str(caught.value)


def test_every_app_of_the_catalogue_can_be_built():
    env = {"SERVE_PORT_80": "x", "POD_IP": "10.244.1.3", "NODE_IP": "172.30.0.11"}

    assert all(listeners(app, ports=DECLARED, env=env) for app in APPS)


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


def test_agnhost_says_that_it_pauses_and_listens_only_if_nobody_asked_it_to():
    surroundings = FakeSurroundings()

    assert listeners("agnhost-pause", surroundings) == ()
    assert surroundings.said == ["Paused"]
    assert services("agnhost-pause", ports=DECLARED[:1]) == {(80, "TCP"): Http}


@pytest.mark.parametrize(("app", "words"), [("nginx", "Welcome to nginx!"), ("httpd", "It works!")])
def test_pages_that_people_know_end_with_their_words(app, words):
    (served,) = listeners(app, ports=DECLARED[:1])
    page, other, in_json = (
        served.service.answer(request)
        for request in (get("/"), get("/other"), get("/", ("Accept", "application/json")))
    )

    assert page.body.decode().splitlines()[-2:] == ["", words]
    assert page.body.startswith(b"Hostname: web-1\n")
    assert words not in other.body.decode()
    assert json.loads(in_json.body)["pod"] == "web-1"


@pytest.mark.parametrize("app", ["kitten", "nautilus"])
def test_a_picture_s_data_tell_which_it_is(app):
    (served,) = listeners(app, ports=DECLARED[:1])

    assert json.loads(served.service.answer(get("/data.json")).body) == {"image": f"{app}.jpg"}
    assert served.service.answer(get("/")).body.startswith(b"Hostname: web-1\n")


def test_an_echoserver_says_what_it_was_asked_and_by_whom():
    (served,) = listeners("echoserver", ports=DECLARED[:1])
    page = served.service.answer(get("/a?b=c", ("Host", "web"), ("X-Trace", "7"))).body.decode()
    asked = ("client_address=10.244.2.4", "real path=/a", "query=b=c", "request_uri=http://web/a?b=c")

    assert "\nHostname: web-1\n" in page
    assert {f"\t{line}" for line in (*asked, "x-trace=7")} <= set(page.splitlines())
    assert "\tpod IP:\t10.244.1.3\n" in page


def test_an_echoserver_gives_facts_alone_to_who_takes_json():
    (served,) = listeners("echoserver", ports=DECLARED[:1])
    answer = served.service.answer(get("/", ("Accept", "application/json")))

    assert json.loads(answer.body)["remoteAddr"] == "10.244.2.4:41234"
