"""What ``kubectl get`` prints, kind by kind."""

from __future__ import annotations

from netemu.api import kinds
from netemu.apiserver.columns import access, cluster, jobs, network, pods, policy, storage, workloads
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
    kinds.COMPONENT_STATUS.key: cluster.COMPONENT_STATUSES,
    kinds.EVENT.key: cluster.EVENTS,
    kinds.EVENTS_EVENT.key: cluster.NEW_EVENTS,
    kinds.REPLICATION_CONTROLLER.key: jobs.REPLICATION_CONTROLLERS,
    kinds.JOB.key: jobs.JOBS,
    kinds.CRON_JOB.key: jobs.CRON_JOBS,
    kinds.CONTROLLER_REVISION.key: jobs.CONTROLLER_REVISIONS,
    kinds.POD_TEMPLATE.key: jobs.POD_TEMPLATES,
    kinds.NETWORK_POLICY.key: policy.NETWORK_POLICIES,
    kinds.POD_DISRUPTION_BUDGET.key: policy.POD_DISRUPTION_BUDGETS,
    kinds.PRIORITY_CLASS.key: policy.PRIORITY_CLASSES,
    kinds.LIMIT_RANGE.key: policy.LIMIT_RANGES,
    kinds.RESOURCE_QUOTA.key: policy.RESOURCE_QUOTAS,
    kinds.HORIZONTAL_POD_AUTOSCALER.key: policy.HORIZONTAL_POD_AUTOSCALERS,
    kinds.SERVICE_CIDR.key: network.SERVICE_CIDRS,
    kinds.IP_ADDRESS.key: network.IP_ADDRESSES,
    kinds.ROLE.key: access.ROLES,
    kinds.CLUSTER_ROLE.key: access.ROLES,
    kinds.ROLE_BINDING.key: access.ROLE_BINDINGS,
    kinds.CLUSTER_ROLE_BINDING.key: access.ROLE_BINDINGS,
    kinds.LEASE.key: access.LEASES,
    kinds.MUTATING_WEBHOOK_CONFIGURATION.key: access.WEBHOOKS,
    kinds.VALIDATING_WEBHOOK_CONFIGURATION.key: access.WEBHOOKS,
    kinds.CUSTOM_RESOURCE_DEFINITION.key: access.DEFINITIONS,
    kinds.API_SERVICE.key: access.API_SERVICES,
    kinds.PERSISTENT_VOLUME.key: storage.PERSISTENT_VOLUMES,
    kinds.PERSISTENT_VOLUME_CLAIM.key: storage.PERSISTENT_VOLUME_CLAIMS,
    kinds.STORAGE_CLASS.key: storage.STORAGE_CLASSES,
}
