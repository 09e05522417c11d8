"""netemu's own words for whole clusters: up, down, status, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.target import Target


def up(
    context: typer.Context,
    *,
    config: Annotated[
        str, typer.Option("--config", metavar="FILE", help="Settings in YAML; options go before them.")
    ] = "",
    nodes: Annotated[int | None, typer.Option("--nodes", help="How many nodes. [default: 3]")] = None,
    host_cidr: Annotated[
        str, typer.Option("--host-cidr", metavar="CIDR", help="The nodes' range. [default: 172.30.0.0/16]")
    ] = "",
    pod_cidr: Annotated[
        str, typer.Option("--pod-cidr", metavar="CIDR", help="The pods' range. [default: 10.244.0.0/16]")
    ] = "",
    service_cidr: Annotated[
        str, typer.Option("--service-cidr", metavar="CIDR", help="The ClusterIPs. [default: 10.96.0.0/16]")
    ] = "",
    cluster_domain: Annotated[
        str, typer.Option("--cluster-domain", metavar="DOMAIN", help="[default: cluster.local]")
    ] = "",
    node_port_range: Annotated[
        str, typer.Option("--node-port-range", metavar="FROM-TO", help="[default: 30000-32767]")
    ] = "",
    max_pods: Annotated[int | None, typer.Option("--max-pods", help="Pods on a node. [default: 110]")] = None,
    overlay: Annotated[
        str, typer.Option("--overlay", metavar="vxlan|host-gw", help="Pod packets between nodes.")
    ] = "",
    cni: Annotated[
        str, typer.Option("--cni", metavar="FILE|none", help="A CNI configuration list, or none at all.")
    ] = "",
    api_port: Annotated[
        int | None, typer.Option("--api-port", help="The API's port on 127.0.0.1. [default: from 6443 on]")
    ] = None,
    authorization: Annotated[
        str, typer.Option("--authorization", metavar="AlwaysAllow|RBAC", help="Whether roles are enforced.")
    ] = "",
    zones: Annotated[
        str, typer.Option("--zones", metavar="N|NAME,...", help="Zones that the nodes are in, in turn.")
    ] = "",
    node_cpu: Annotated[
        str, typer.Option("--node-cpu", metavar="CPUS", help="What a node offers. [default: this machine's]")
    ] = "",
    node_memory: Annotated[
        str, typer.Option("--node-memory", metavar="AMOUNT", help="[default: this machine's]")
    ] = "",
    node_ephemeral_storage: Annotated[
        str, typer.Option("--node-ephemeral-storage", metavar="AMOUNT", help="[default: this machine's]")
    ] = "",
    node_monitor_grace_period: Annotated[
        str,
        typer.Option(
            "--node-monitor-grace-period",
            metavar="DURATION",
            help="When a silent node is NotReady. [default: 50s]",
        ),
    ] = "",
    default_not_ready_toleration_seconds: Annotated[
        int | None,
        typer.Option("--default-not-ready-toleration-seconds", help="Before its pods go. [default: 300]"),
    ] = None,
    default_unreachable_toleration_seconds: Annotated[
        int | None,
        typer.Option("--default-unreachable-toleration-seconds", help="The same. [default: 300]"),
    ] = None,
    proxy_mode: Annotated[
        str,
        typer.Option(
            "--proxy-mode",
            metavar="MODE",
            help="nftables, iptables (to look at), or none (for another's). [default: nftables]",
        ),
    ] = "",
    localhost_nodeports: Annotated[
        bool | None,
        typer.Option("--localhost-nodeports", help="Let node ports answer on a node's 127.0.0.1."),
    ] = None,
    load_balancer: Annotated[
        str, typer.Option("--load-balancer", metavar="layer2|bgp|none", help="How addresses are announced.")
    ] = "",
    masquerade_all: Annotated[
        bool | None, typer.Option("--masquerade-all", help="Hide who connects to a ClusterIP.")
    ] = None,
    kubeconfig: Annotated[
        str, typer.Option("--kubeconfig", metavar="FILE", help="Where to put the context. [default: yours]")
    ] = "",
    host_access: Annotated[
        bool | None, typer.Option("--host-access", help="Let this machine's own shell reach the nodes.")
    ] = None,
) -> None:
    """Start a cluster, or bring one back; returns when its DNS answers."""
    from pathlib import Path

    from netemu.cli.verbs.clusters import bring_up

    target: Target = context.obj
    options = {
        "name": target.cluster if target.cluster_given or not config else "",
        "nodes": nodes,
        "host_cidr": _ranges(host_cidr),
        "pod_cidr": _ranges(pod_cidr),
        "service_cidr": _ranges(service_cidr),
        "cluster_domain": cluster_domain,
        "node_port_range": node_port_range,
        "max_pods": max_pods,
        "overlay": overlay,
        "cni": cni,
        "host_access": host_access,
        "api_port": api_port,
        "authorization": authorization,
        "proxy_mode": proxy_mode,
        "localhost_nodeports": localhost_nodeports,
        "load_balancer": load_balancer,
        "masquerade_all": masquerade_all,
        "zones": zones,
        "node_cpu": node_cpu,
        "node_memory": node_memory,
        "node_ephemeral_storage": node_ephemeral_storage,
        "node_monitor_grace_period": node_monitor_grace_period,
        "default_not_ready_toleration_seconds": default_not_ready_toleration_seconds,
        "default_unreachable_toleration_seconds": default_unreachable_toleration_seconds,
    }
    given = {name: value for name, value in options.items() if value not in {None, "", ()}}
    bring_up(Path(config) if config else None, given, kubeconfig)


def down(context: typer.Context) -> None:
    """Remove a cluster: exactly what was made, and nothing else."""
    from netemu.cli.verbs.clusters import take_down

    take_down(context.obj.cluster)


def kubeconfig(context: typer.Context) -> None:
    """Print a kubeconfig that has this cluster alone."""
    from netemu.cli.verbs.clusters import show_kubeconfig

    show_kubeconfig(context.obj.cluster)


def status(
    context: typer.Context,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="json", help="For programs.")] = "",
) -> None:
    """Tell what runs; the exit status is 1 when the cluster does not."""
    from netemu.cli.verbs.clusters import show_status

    if not show_status(context.obj.cluster, output):
        raise typer.Exit(1)


def doctor() -> None:
    """Tell what this machine offers, what is missing, and what mends it."""
    from netemu.cli.verbs.clusters import show_doctor

    if not show_doctor():
        raise typer.Exit(1)


def _ranges(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
