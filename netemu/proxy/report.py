"""A proxy's figures under kube-proxy's names. Pure.

Source: ``pkg/proxy/metrics/metrics.go`` of Kubernetes 1.36. What kube-proxy tells of its own process is
left out: all nodes' proxies are one process here, and the API server tells of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from netemu.metrics import Histogram, Metric, labels
from netemu.naming import NodeName
from netemu.proxy.figures import Figures, NodeFigures
from netemu.proxy.plan import Elements


def metrics(node: NodeFigures) -> Iterator[Metric]:
    """Tell everything of one node's proxy."""
    yield from _syncs(node.families)
    yield from _changes(node)
    yield from _flows(node.families)
    yield from _answers(node)
    yield from (_of_iptables if node.mode == "iptables" else _of_nftables)(node.families)


def without_local(plans: Iterable[Elements], node: NodeName) -> Counter[str]:
    """Count the ports whose endpoints are all elsewhere, by the policy that wants one here."""
    found = Counter[str]()
    for plan in plans:
        policies = plan.policies
        if policies is not None and plan.endpoints and not policies.local.get(node):
            found["internal"] += bool(policies.internal_id)
            found["external"] += bool(policies.external_id)
    return found


def _syncs(families: Mapping[str, Figures]) -> Iterator[Metric]:
    histogram, gauge = partial(_histogram, families), partial(_numbers, families, "gauge")
    yield histogram("sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds", _all_syncs)
    yield histogram(
        "network_programming_duration_seconds",
        "In Cluster Network Programming Latency in seconds",
        lambda figures: figures.programming,
    )
    yield gauge(
        "sync_proxy_rules_last_timestamp_seconds",
        "The last time proxy rules were successfully synced",
        lambda figures: figures.synced_s,
    )
    yield gauge(
        "sync_proxy_rules_last_queued_timestamp_seconds",
        "The last time a sync of proxy rules was queued",
        lambda figures: figures.queued_s,
    )


def _changes(node: NodeFigures) -> Iterator[Metric]:
    waiting = [figures.waiting for figures in node.families.values()]
    for kind, word, pending in (
        ("endpoint", "Endpoint", max((news.endpoints for news in waiting), default=0)),
        ("service", "Service", max((news.services for news in waiting), default=0)),
    ):
        name = f"sync_proxy_rules_{kind}_changes"
        yield _metric(f"{name}_pending", "gauge", f"Pending proxy rules {word} changes", [("", pending)])
        total = [("", node.seen.get(kind, 0))]
        yield _metric(f"{name}_total", "counter", f"Cumulative proxy rules {word} changes", total)
    counts = {family: node.without_local(family) for family in node.families}
    values = [
        (labels({"ip_family": family, "traffic_policy": policy}), found.get(policy, 0))
        for family, found in counts.items()
        for policy in ("external", "internal")
    ]
    text = "Number of services with a Local traffic policy and no endpoints"
    yield _metric("sync_proxy_rules_no_local_endpoints_total", "gauge", text, values)


def _flows(families: Mapping[str, Figures]) -> Iterator[Metric]:
    yield _numbers(
        families,
        "counter",
        "conntrack_reconciler_deleted_entries_total",
        "Cumulative conntrack flows deleted by conntrack reconciler",
        lambda figures: figures.ended_flows,
    )
    yield _histogram(
        families,
        "conntrack_reconciler_sync_duration_seconds",
        "ReconcileConntrackFlowsLatency latency in seconds",
        lambda figures: figures.flow_searches,
    )


def _answers(node: NodeFigures) -> Iterator[Metric]:
    for name, codes in (("healthz", node.healthz), ("livez", node.livez)):
        values = [(labels({"code": str(code)}), count) for code, count in sorted(codes.items())]
        yield _metric(f"proxy_{name}_total", "counter", f"Cumulative proxy {name} HTTP status", values)


def _of_nftables(families: Mapping[str, Figures]) -> Iterator[Metric]:
    counter = partial(_numbers, families, "counter")
    failures = "sync_proxy_rules_nftables_sync_failures_total"
    yield counter(failures, "Cumulative proxy nftables sync failures", _all_failures)
    # Chains that are used no more stay until the next load: there is no clean-up that could fail.
    cleanups = "sync_proxy_rules_nftables_cleanup_failures_total"
    yield counter(cleanups, "Cumulative proxy nftables cleanup failures", lambda _: 0)


def _of_iptables(families: Mapping[str, Figures]) -> Iterator[Metric]:
    histogram, counter = partial(_histogram, families), partial(_numbers, families, "counter")
    latency = "SyncProxyRules latency in seconds for"
    yield histogram(
        "sync_full_proxy_rules_duration_seconds", f"{latency} full resyncs", lambda found: found.full_syncs
    )
    yield histogram(
        "sync_partial_proxy_rules_duration_seconds",
        f"{latency} partial resyncs",
        lambda found: found.partial_syncs,
    )
    failures = "sync_proxy_rules_iptables_restore_failures_total"
    yield counter(failures, "Cumulative proxy iptables restore failures", _all_failures)
    yield counter(
        "sync_proxy_rules_iptables_partial_restore_failures_total",
        "Cumulative proxy iptables partial restore failures",
        lambda figures: figures.partial_failures,
    )
    rules = [
        (labels({"ip_family": family, "table": table}), count)
        for family, figures in families.items()
        for table, count in sorted(figures.rules().items())
    ]
    text = "Total number of iptables rules owned by kube-proxy"
    yield _metric("sync_proxy_rules_iptables_total", "gauge", text, rules)


def _all_syncs(figures: Figures) -> Histogram:
    return figures.syncs


def _all_failures(figures: Figures) -> int:
    return figures.failures


def _numbers(
    families: Mapping[str, Figures], type_: str, name: str, text: str, of: Callable[[Figures], float]
) -> Metric:
    values = [(labels({"ip_family": family}), of(figures)) for family, figures in families.items()]
    return _metric(name, type_, text, values)


def _histogram(
    families: Mapping[str, Figures], name: str, text: str, of: Callable[[Figures], Histogram]
) -> Metric:
    values = [
        value for family, figures in families.items() for value in of(figures).values({"ip_family": family})
    ]
    return _metric(name, "histogram", text, values)


def _metric(name: str, type_: str, text: str, values: Iterable[tuple[str, float]]) -> Metric:
    return Metric(f"kubeproxy_{name}", type_, f"[ALPHA] {text}", values)
