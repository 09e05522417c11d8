"""The smaller servers: porter, no-snat-test, liveness, echo-basic, guestbook."""

from __future__ import annotations

import inspect
import json

import pytest

from netemu.agnhost import closewait, echo_basic, gitserver, guestbook, liveness, nettest, nosnat, porter
from netemu.agnhost.model import Address, AppError, Datagrams, Http, Messages, Output, Request, Setting, Tls
from netemu.testing.surroundings import FakeSurroundings

CLIENT = Address("10.244.2.4", 41234)
PODS = {"POD_IP": "10.244.1.3", "NODE_IP": "172.30.0.11"}


def listeners(build, *args, surroundings=None, **env):
    return build(Setting(args, env, "web-1"), surroundings or FakeSurroundings())


async def ask(listener, target, *headers, method="GET", body=b""):
    answer = listener.service.answer(Request(method, target, headers, client=CLIENT, body=body))
    return await answer if inspect.isawaitable(answer) else answer


async def test_porter_serves_what_its_environment_says():
    surroundings = FakeSurroundings()
    served = listeners(
        porter.build,
        surroundings=surroundings,
        SERVE_PORT_80="plain",
        SERVE_TCP_PORT_81="tcp",
        SERVE_UDP_PORT_53="udp",
        SERVE_TLS_PORT_443="tls",
        SERVE_SCTP_PORT_9="sctp",
        SERVE_PORT_NOWHERE="x",
        OTHER="x",
    )
    by_port = {(one.number, one.protocol): one for one in served}

    assert {place: type(one.service) for place, one in by_port.items()} == {
        (80, "TCP"): Http,
        (81, "TCP"): Http,
        (53, "UDP"): Datagrams,
        (443, "TCP"): Tls,
        (9, "SCTP"): Messages,
    }
    assert {one.host for one in served} == {"0.0.0.0"}
    assert (await ask(by_port[80, "TCP"], "/any")).body == b"plain"
    assert by_port[53, "UDP"].service.answer(b"?", CLIENT) == b"udp"
    assert by_port[443, "TCP"].service[1:3] == ("localhost.crt", "localhost.key")
    assert surroundings.lines == [
        'server on port "NOWHERE" failed: listen tcp: lookup tcp/NOWHERE: unknown port'
    ]


async def test_porter_says_that_a_page_is_one():
    (listener,) = listeners(porter.build, SERVE_PORT_80='<a href="/x">x</a>')

    assert (await ask(listener, "/")).content_type == "text/html; charset=utf-8"


async def test_porter_can_say_it_in_json():
    (listener,) = listeners(porter.build, "--json-response", SERVE_PORT_80="x")
    answer = await ask(listener, "/", method="PUT")

    assert (answer.content_type, json.loads(answer.body)) == (
        "application/json",
        {"Method": "PUT", "Body": "x"},
    )


@pytest.mark.parametrize(
    ("seen", "status", "words"),
    [
        pytest.param(b"10.244.1.3:4000", 200, "", id="own-address"),
        pytest.param(b"172.30.0.11:4000", 500, "== my Node ip", id="the-node-s"),
        pytest.param(b"10.0.0.1:4000", 500, "SNAT to unexpected ip", id="another"),
        pytest.param(ConnectionRefusedError(111, ""), 500, "connection refused", id="nobody"),
    ],
)
async def test_no_snat_test_tells_who_others_see(seen, status, words):
    surroundings = FakeSurroundings({("http", "10.0.0.7", 8080, "/whoami"): [seen]}, {"10.0.0.7": "10.0.0.7"})
    (listener,) = listeners(nosnat.build, surroundings=surroundings, **PODS)
    answer = await ask(listener, "/checknosnat?ips=10.0.0.7:8080")

    assert answer.status == status
    assert words in answer.body.decode()
    assert (await ask(listener, "/whoami")).body == b"10.244.2.4:41234"


@pytest.mark.parametrize("env", [{}, {"POD_IP": "10.0.0.1"}, {**PODS, "NODE_IP": "node-1"}])
def test_no_snat_test_needs_addresses(env):
    with pytest.raises(AppError, match="_IP env var"):
        listeners(nosnat.build, **env)


async def test_the_proxy_of_no_snat_test_passes_the_answer_on():
    asked = ("http", "10.0.0.7", 80, "/checknosnat?ips=a,b")
    surroundings = FakeSurroundings({asked: [b"fine"]}, {"10.0.0.7": "10.0.0.7"})
    (listener,) = listeners(nosnat.build_proxy, surroundings=surroundings)

    assert listener.number == 31235
    assert (await ask(listener, "/checknosnat?target=10.0.0.7&ips=a,b")).body == b"fine"
    assert (await ask(listener, "/checknosnat?target=nobody&ips=a")).status == 500


async def test_liveness_is_well_for_ten_seconds():
    now_s = 0.0
    (listener,) = liveness.build(Setting((), {}, "web-1"), FakeSurroundings(), lambda: now_s)
    before = await ask(listener, "/healthz")
    now_s = 10.5
    after = await ask(listener, "/healthz")

    assert (before.status, before.body, after.status, after.body) == (200, b"ok", 500, b"error: 10.5")
    assert (await ask(listener, "/started")).body == b"10.5s"


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        pytest.param("/sleep-headers?code=503", 503, b"Slept for 0 secs\n", id="a-code"),
        pytest.param("/sleep-headers?time=soon", 400, b"parameter 'time' is invalid", id="nonsense"),
        pytest.param("/redirect?loc=%2Fhealthz", 302, b'<a href="/healthz">', id="redirect"),
        pytest.param("/nowhere", 404, b"404 page not found\n", id="elsewhere"),
    ],
)
async def test_liveness_fails_on_request(target, status, body):
    (listener,) = listeners(liveness.build)
    answer = await ask(listener, target)

    assert answer.status == status
    assert answer.body.startswith(body)


@pytest.mark.parametrize("path", ["/disconnect-headers", "/disconnect-body?size=1"])
async def test_liveness_hangs_up_on_request(path):
    (listener,) = listeners(liveness.build)

    assert (await ask(listener, path)).abort


async def test_echo_basic_says_what_was_asked_and_where_it_is():
    surroundings = FakeSurroundings()
    listener, _ = listeners(echo_basic.build, surroundings=surroundings, POD_NAME="p", SERVICE_NAME="s")
    headers = (("Host", "web"), ("x-a", "1"), ("X-A", "2"), ("X-Echo-Set-Header", "A:1, B:2,A:3"))
    answer = await ask(listener, "/x?y=z", *headers)

    assert json.loads(answer.body) == {
        "path": "/x?y=z",
        "host": "web",
        "method": "GET",
        "proto": "HTTP/1.1",
        "headers": {"X-A": ["1", "2"], "X-Echo-Set-Header": ["A:1, B:2,A:3"]},
        "httpPort": "3000",
        "namespace": "",
        "ingress": "",
        "service": "s",
        "pod": "p",
        "sni": "",
    }
    assert answer.headers == (("A", "1,3"), ("B", "2"), ("X-Content-Type-Options", "nosniff"))
    assert surroundings.said == ["Echoing back request made to /x?y=z to client (10.244.2.4:41234)"]


@pytest.mark.parametrize(
    ("target", "status"),
    [("/status/404", 404), ("/status/x", 400), ("/health", 200), ("/?delay=1ns", 200), ("/?delay=x", 500)],
)
async def test_echo_basic_fails_and_waits_on_request(target, status):
    listener, _ = listeners(echo_basic.build)

    assert (await ask(listener, target)).status == status


async def test_agnhost_s_own_echo_knows_less():
    (listener,) = listeners(echo_basic.build_http_echo, "--port=90", POD_NAME="p")
    document = json.loads((await ask(listener, "/")).body)

    assert listener.number == 90
    assert (document["httpPort"], document["pod"], "ingress" in document) == ("90", "p", False)


async def test_a_guestbook_keeps_and_passes_on_what_it_is_told():
    surroundings = FakeSurroundings(
        {("http", "10.0.0.8", 6379, "/set?key=a&value=b"): [b"{}"]}, {"10.0.0.8": "10.0.0.8"}
    )
    (primary,) = listeners(guestbook.build, surroundings=surroundings)
    await ask(primary, "/register?host=10.0.0.8")

    assert json.loads((await ask(primary, "/set?key=a&value=b")).body) == {"message": "Updated"}
    assert json.loads((await ask(primary, "/get?key=a")).body) == {"data": "b"}
    assert json.loads((await ask(primary, "/get")).body) == {"data": {"a": "b"}}
    assert (await ask(primary, "/set")).status == 400


async def test_a_replica_takes_the_store_of_its_primary():
    surroundings = FakeSurroundings(
        {("http", "10.0.0.9", 6379, "/register?host=10.0.0.8"): [b'{"data": {"a": "b"}}']},
        {"agnhost-primary": "10.0.0.9", "web-1": "10.0.0.8"},
    )
    (replica,) = listeners(
        guestbook.build, "--replicaof=agnhost-primary", "--http-port=6379", surroundings=surroundings
    )

    assert json.loads((await ask(replica, "/get?key=a")).body) == {"data": "b"}


async def test_the_guestbook_s_page_asks_the_store():
    asked = ("http", "10.0.0.9", 6379, "/get?key=a&value=")
    surroundings = FakeSurroundings({asked: [b'{"data":"b"}']}, {"agnhost-replica": "10.0.0.9"})
    (page,) = listeners(guestbook.build, surroundings=surroundings)

    assert (await ask(page, "/guestbook?cmd=get&key=a")).body == b'{"data":"b"}'
    assert (await ask(page, "/guestbook?cmd=set&key=a")).status == 400
    assert (await ask(page, "/guestbook?cmd=dance")).body == b"unsupported cmd: 'dance'\n"


async def test_nettest_remembers_who_wrote_to_it():
    (listener,) = listeners(nettest.build)
    said = await ask(listener, "/write", method="POST", body=b'{"Source": "prestop"}')
    await ask(listener, "/write", method="POST", body=b"nonsense")
    state = json.loads((await ask(listener, "/read")).body)

    assert json.loads(said.body) == {"Hostname": "web-1"}
    assert (state["Hostname"], state["Received"], state["Sent"]) == ("web-1", {"prestop": 1}, None)
    assert state["Errors"][-1] == "web-1: Got request with no source"
    assert state["StillContactingPeers"]


async def test_nettest_passes_when_it_has_heard_of_all_its_peers():
    subsets = [{"addresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 80}]}]
    told = json.dumps({"Hostname": "web-2", "subsets": subsets}).encode()
    surroundings = FakeSurroundings(output=Output(told, 0))
    (listener,) = listeners(nettest.build, "--peers=1", surroundings=surroundings)
    before = await ask(listener, "/status")
    await ask(listener, "/write", method="POST", body=b'{"Source": "web-2"}')

    assert (before.body, (await ask(listener, "/status")).body) == (b"running", b"pass")
    assert surroundings.ran[1][0][-1] == "http://10.0.0.2:80/write"


async def test_nettest_goes_on_without_an_api():
    (listener,) = listeners(nettest.build, surroundings=FakeSurroundings(output=Output(b"", 7)))

    assert (await ask(listener, "/status")).body == b"running"
    assert "Unable to read the endpoints" in (await ask(listener, "/read")).body.decode()


@pytest.mark.parametrize(
    ("target", "body", "status", "said"),
    [
        ("/run", b"{}", 404, "404 page not found"),
        ("/run/a/b", b"{}", 400, "invalid request to run: [ run a b]"),
        ("/run/a", b"{}", 500, "Error from runner: Invalid runner: 'a', see --help\noutput:"),
        ("/run/nat-closewait-client", b"{", 500, "Error from runner: Invalid options JSON: "),
    ],
    ids=["nothing", "too-much", "unknown", "no-json"],
)
async def test_net_refuses_what_it_cannot_run(target, body, status, said):
    (listener,) = listeners(closewait.build, "--serve", "127.0.0.1:8889")

    response = await ask(listener, target, method="POST", body=body)

    assert (listener.host, listener.number) == ("127.0.0.1", 8889)
    assert (response.status, response.body.decode().startswith(said)) == (status, True)


async def test_the_git_server_says_what_it_is():
    (listener,) = listeners(gitserver.build)

    assert listener.number == 8000
    assert (await ask(listener, "/any")).body == b"I am a fake git server"
