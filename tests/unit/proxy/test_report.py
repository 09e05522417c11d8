"""What a proxy counts of its own work, and the names under which it tells that."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from netemu.metrics import render_metrics
from netemu.nft.expressions import L4
from netemu.proxy.figures import Figures, News, NodeFigures
from netemu.proxy.index import Endpoint
from netemu.proxy.plan import Elements, Frontend, Policies
from netemu.proxy.report import metrics, without_local


class Time:
    """A clock that a test moves."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def figures(time):
    return Figures(time)


def told(figures, mode="nftables", **without):
    node = NodeFigures(mode, {"IPv4": figures}, {"endpoint": 7}, lambda _: without, lambda: True)
    lines = render_metrics(metrics(node)).splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_changes_wait_until_the_kernel_holds_them(figures, time):
    figures.queue(1, News(services=2))
    figures.queue(2, News(services=1, endpoints=3))
    figures.hold(1)
    assert figures.waiting == News(1, 3)
    assert (figures.queued_s, figures.behind_since_s) == (1000.0, 1000.0)

    time.now_s = 1001.0
    figures.hold(2)
    assert figures.waiting == News()
    assert (figures.synced_s, figures.behind_since_s) == (1001.0, 0.0)


def test_what_waits_for_long_is_counted_whole(figures):
    for number in range(5000):
        figures.queue(number, News(endpoints=1))

    assert figures.waiting == News(0, 5000)


def test_one_is_behind_since_the_first_failure(figures, time):
    figures.tried(0.1, is_full=True, worked=False)
    time.now_s = 1005.0
    figures.tried(0.1, is_full=True, worked=False)

    assert figures.behind_since_s == 1000.0


def test_the_time_from_a_pods_change_to_the_kernel_is_observed(figures, time):
    figures.queue(1, News(endpoints=1, triggers_s=(999.0, 1000.4)))
    time.now_s = 1000.6
    figures.hold(1)

    found = told(figures)
    name = "kubeproxy_network_programming_duration_seconds"
    assert found[name + '_bucket{ip_family="IPv4",le="0.25"}'] == "1"
    assert found[name + '_bucket{ip_family="IPv4",le="2"}'] == "2"
    assert found[name + '_count{ip_family="IPv4"}'] == "2"


def test_the_map_mode_has_kube_proxys_names(figures):
    figures.queue(1, News(services=1))
    figures.tried(0.0015, is_full=False, worked=False)
    figures.searched(0.1, ended=4)
    found = told(figures, internal=2)

    assert found["kubeproxy_sync_proxy_rules_service_changes_pending"] == "1"
    assert found["kubeproxy_sync_proxy_rules_endpoint_changes_total"] == "7"
    assert found['kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"}'] == "1000"
    assert found['kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"}'] == "1"
    assert found['kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="0.002"}'] == "1"
    assert found['kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"}'] == "4"
    local = "kubeproxy_sync_proxy_rules_no_local_endpoints_total"
    assert found[local + '{ip_family="IPv4",traffic_policy="internal"}'] == "2"
    assert found[local + '{ip_family="IPv4",traffic_policy="external"}'] == "0"


def test_the_iptables_mode_has_names_of_its_own(figures):
    figures.tried(0.5, is_full=True, worked=True)
    figures.tried(0.5, is_full=False, worked=False)
    figures.rules = lambda: {"nat": 12}
    found = told(figures, mode="iptables")

    assert found['kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}'] == "1"
    assert found['kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"}'] == "1"
    assert (
        found['kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total{ip_family="IPv4"}'] == "1"
    )
    assert found['kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"}'] == "12"
    assert not [name for name in found if "nftables" in name]


def port(**policies):
    here = Endpoint(IPv4Address("10.244.1.2"), 80, "node-1")
    cluster = Frontend(IPv4Address("10.96.0.20"), L4.TCP, 80)
    return Elements(1, cluster, (), None, (here,), Policies(**policies, local={"node-1": (here,)}))


def test_ports_that_want_an_endpoint_here_and_have_none_are_counted_by_policy():
    plans = [port(internal_id=2), port(internal_id=3, external_id=4), port()]

    assert without_local(plans, "node-1") == {}
    assert without_local(plans, "node-2") == {"internal": 2, "external": 1}
