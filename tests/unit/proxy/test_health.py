"""What a node's proxy answers to load balancers, in kube-proxy's shapes."""

from __future__ import annotations

import json

import pytest

from netemu.informer.cache import Key
from netemu.proxy import health
from netemu.proxy.figures import Figures, NodeFigures
from netemu.proxy.health import LocalHealth

WEB = Key("shop", "web")


@pytest.mark.parametrize(
    ("ready", "is_synced", "status"),
    [(2, True, 200), (0, True, 503), (2, False, 503)],
    ids=["ready", "none-here", "rules-behind"],
)
def test_a_node_is_healthy_for_a_service_with_a_local_endpoint_and_current_rules(ready, is_synced, status):
    answer = LocalHealth(WEB, 32000, ready).answer(is_synced=is_synced)

    assert answer.status == status
    assert json.loads(answer.body) == {
        "service": {"namespace": "shop", "name": "web"},
        "localEndpoints": ready,
        "serviceProxyHealthy": is_synced,
    }
    assert ("X-Load-Balancing-Endpoint-Weight", str(ready)) in answer.headers


NOW_S = 1_800_000_000.0


def figures(*, synced_s=0.0, behind_since_s=0.0):
    made = Figures()
    made.synced_s, made.behind_since_s = synced_s, behind_since_s
    return made


def node(*, is_eligible=True, mode="nftables", **families):
    return NodeFigures(mode, families, {}, lambda _: {}, lambda: is_eligible)


SYNCED = figures(synced_s=NOW_S - 900)
BEHIND = figures(synced_s=NOW_S - 900, behind_since_s=NOW_S - 59)
LATE = figures(synced_s=NOW_S - 90.5, behind_since_s=NOW_S - 60)


@pytest.mark.parametrize(
    ("path", "found", "status"),
    [
        pytest.param("/healthz", node(IPv4=figures()), 200, id="starting-up"),
        pytest.param("/healthz", node(IPv4=SYNCED, IPv6=BEHIND), 200, id="a-little-behind"),
        pytest.param("/healthz", node(IPv4=SYNCED, IPv6=LATE), 503, id="one-family-is-late"),
        pytest.param("/livez", node(IPv4=LATE), 503, id="late"),
        pytest.param("/healthz", node(IPv4=SYNCED, is_eligible=False), 503, id="the-node-is-going"),
        pytest.param("/livez", node(IPv4=SYNCED, is_eligible=False), 200, id="alive-though-it-is-going"),
        pytest.param("/", node(IPv4=SYNCED), 404, id="another-path"),
    ],
)
def test_a_proxy_is_healthy_unless_its_rules_are_behind_for_a_minute(path, found, status):
    assert health.healthz(path, found, NOW_S).status == status


def test_the_answer_about_health_is_kube_proxys():
    found = json.loads(health.healthz("/healthz", node(IPv4=SYNCED, IPv6=LATE), NOW_S).body)

    assert found == {
        "lastUpdated": "2027-01-15T07:58:29.500000Z",
        "currentTime": "2027-01-15T08:00:00Z",
        "nodeEligible": True,
        "healthy": False,
        "status": {
            "IPv4": {"lastUpdated": "2027-01-15T07:45:00Z", "healthy": True},
            "IPv6": {"lastUpdated": "2027-01-15T07:58:29.500000Z", "healthy": False},
        },
    }


def test_who_is_well_is_so_now_and_livez_says_nothing_of_balancers():
    assert json.loads(health.healthz("/livez", node(IPv4=SYNCED), NOW_S).body) == {
        "lastUpdated": "2027-01-15T08:00:00Z",
        "currentTime": "2027-01-15T08:00:00Z",
        "healthy": True,
        "status": {"IPv4": {"lastUpdated": "2027-01-15T07:45:00Z", "healthy": True}},
    }


def test_the_mode_and_numbers_are_told_where_kube_proxy_tells_them():
    about = {path: health.about(path, node(mode="iptables")) for path in ("/proxyMode", "/metrics", "/x")}

    assert about["/proxyMode"].body == "iptables"
    assert about["/metrics"].headers == (("Content-Type", "text/plain; version=0.0.4; charset=utf-8"),)
    assert about["/x"].status == 404


def test_an_answer_is_whole_http_and_a_head_request_gets_no_body():
    answer = health.about("/healthz", node())

    assert answer.render().startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.render().endswith(b"Content-Length: 2\r\nConnection: close\r\n\r\nok")
    assert answer.render(with_body=False).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"GET /healthz?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/healthz")),
        (b"GET /healthz HTTP/2\r\n\r\n", None),
        (b"hello\r\n\r\n", None),
        (b"\r\n\r\n", None),
    ],
)
def test_what_is_no_request_is_not_answered(head, found):
    assert health.parse_request(head) == found
