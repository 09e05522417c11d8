"""What ``kubectl get`` prints, kind by kind."""

from __future__ import annotations

from netemu.api import kinds
from netemu.apiserver.columns import cluster, network, pods, workloads
from netemu.apiserver.columns.column import Column

COLUMNS: dict[str, tuple[Column, ...]] = {
    kinds.POD.key: pods.PODS,
    kinds.SERVICE.key: network.SERVICES,
    kinds.ENDPOINTS.key: network.ENDPOINTS,
    kinds.ENDPOINT_SLICE.key: network.ENDPOINT_SLICES,
    kinds.INGRESS.key: network.INGRESSES,
    kinds.INGRESS_CLASS.key: network.INGRESS_CLASSES,
    kinds.DEPLOYMENT.key: workloads.DEPLOYMENTS,
    kinds.REPLICA_SET.key: workloads.REPLICA_SETS,
    kinds.DAEMON_SET.key: workloads.DAEMON_SETS,
    kinds.STATEFUL_SET.key: workloads.STATEFUL_SETS,
    kinds.NODE.key: cluster.NODES,
    kinds.NAMESPACE.key: cluster.NAMESPACES,
    kinds.CONFIG_MAP.key: cluster.CONFIG_MAPS,
    kinds.SECRET.key: cluster.SECRETS,
    kinds.SERVICE_ACCOUNT.key: cluster.SERVICE_ACCOUNTS,
    kinds.EVENT.key: cluster.EVENTS,
}
