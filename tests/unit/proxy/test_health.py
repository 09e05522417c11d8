"""What a node's proxy answers to load balancers, in kube-proxy's shapes."""

from __future__ import annotations

import json

import pytest

from netemu.informer.cache import Key
from netemu.proxy import health
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


@pytest.mark.parametrize(
    ("path", "is_synced", "status"),
    [("/healthz", True, 200), ("/livez", True, 200), ("/healthz", False, 503), ("/", True, 404)],
)
def test_healthz_says_whether_rules_are_current(path, is_synced, status):
    assert health.healthz(path, is_synced=is_synced, synced_at="a", now="b").status == status


def test_the_mode_is_told_where_kube_proxy_tells_it():
    assert health.about("/proxyMode", "iptables").body == "iptables"


def test_an_answer_is_whole_http_and_a_head_request_gets_no_body():
    answer = health.about("/healthz", "nftables")

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
