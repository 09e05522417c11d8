"""How a Service's chains are laid out for people."""

from __future__ import annotations

import pytest

from netemu.cli.verbs.proxychains import chains_text, read_chains
from netemu.informer.cache import Key
from netemu.nft.expressions import Family
from netemu.proxy.explain import Line, Shown
from netemu.proxy.views import Service, ServicePort, ServiceSpec

NO_NAMESPACE = -1


def test_each_rule_stands_above_its_sentence():
    lines = (Line("nat KUBE-SEP-A", "-A KUBE-SEP-A -j DNAT", "Send it."), Line("", "", "Nothing else."))

    assert chains_text([Shown("chain KUBE-SEP-A", lines)]) == [
        "chain KUBE-SEP-A\n  -A KUBE-SEP-A -j DNAT\n      Send it.\n  Nothing else."
    ]


@pytest.mark.parametrize(
    ("family", "cluster_ips"),
    [
        pytest.param(Family.IP6, ("10.96.0.20",), id="other-family"),
        pytest.param(Family.IP, ("None",), id="headless"),
        pytest.param(Family.IP, (), id="of-a-name"),
    ],
)
def test_iptables_are_not_asked_where_they_can_have_nothing(family, cluster_ips):
    service = Service(spec=ServiceSpec(cluster_ips=cluster_ips, ports=(ServicePort(port=80),)))

    assert read_chains(NO_NAMESPACE, family, Key("default", "web"), service) == []
