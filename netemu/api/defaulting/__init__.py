"""Fill in what Kubernetes fills in: ``default(kind, obj)`` is the one place where defaults come from.

It also does what Kubernetes' built-in admission adds to every Pod (service account,
tolerations, priority), so that a stored object is complete. What an allocator decides
(addresses, node ports, IP families) is not filled in here.

Source: kubernetes ``pkg/apis/*/v1/defaults.go`` as the API reference documents the values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from netemu.api import schema
from netemu.api.client import Object
from netemu.api.crd import objects as custom_objects
from netemu.api.defaulting import (
    configuration,
    definitions,
    endpoints,
    jobs,
    pods,
    policy,
    services,
    workloads,
)
from netemu.api.kinds import (
    API_SERVICE,
    CLUSTER_ROLE_BINDING,
    CRON_JOB,
    CSI_DRIVER,
    CUSTOM_RESOURCE_DEFINITION,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    INGRESS_CLASS,
    JOB,
    LIMIT_RANGE,
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    NETWORK_POLICY,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_TEMPLATE,
    PRIORITY_CLASS,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    STORAGE_CLASS,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)


def default(kind: Kind, obj: Object) -> Object:
    """Give a new object with every default filled in and every ``null`` dropped; idempotent.

    ``obj`` must have passed ``netemu.api.schema.check``: its fields have the right types.
    """
    if kind.custom is not None:
        return custom_objects.fill(kind.custom, obj)
    fresh: Object = without_nulls(obj)
    if _has_spec(kind):
        fresh.setdefault("spec", {})
    _fill_conditions(fresh.get("status"))
    fill = _FILLERS.get(kind.key)
    if fill is not None:
        fill(fresh)
    return fresh


def _fill_conditions(status: Any) -> None:
    """Give every condition a type and a status: in Go they are there, if only empty."""
    conditions = status.get("conditions") if isinstance(status, dict) else None
    for condition in conditions or ():
        condition.setdefault("type", "")
        condition.setdefault("status", "")


@cache
def _has_spec(kind: Kind) -> bool:
    """Tell whether a kind's objects have a spec: it is always there then, for it is no pointer in Go."""
    return "spec" in schema.shape_of(kind).properties


def without_nulls(value: Any) -> Any:
    """Copy a JSON value, leaving out the fields that are ``null``, which Kubernetes takes as absent."""
    if type(value) is dict:
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if type(value) is list:
        return [without_nulls(item) for item in value]
    return value


# Each fills in a private copy.
_FILLERS: dict[str, Callable[[Object], None]] = {
    NAMESPACE.key: configuration.fill_namespace,
    SECRET.key: configuration.fill_secret,
    INGRESS.key: configuration.fill_ingress,
    INGRESS_CLASS.key: configuration.fill_ingress_class,
    POD.key: pods.fill_pod,
    SERVICE.key: services.fill_service,
    ENDPOINTS.key: endpoints.fill_endpoints,
    ENDPOINT_SLICE.key: endpoints.fill_endpoint_slice,
    DEPLOYMENT.key: workloads.fill_deployment,
    REPLICA_SET.key: workloads.fill_replica_set,
    DAEMON_SET.key: workloads.fill_daemon_set,
    STATEFUL_SET.key: workloads.fill_stateful_set,
    CUSTOM_RESOURCE_DEFINITION.key: definitions.fill_definition,
    JOB.key: jobs.fill_job,
    CRON_JOB.key: jobs.fill_cron_job,
    REPLICATION_CONTROLLER.key: jobs.fill_replication_controller,
    POD_TEMPLATE.key: jobs.fill_pod_template,
    NETWORK_POLICY.key: policy.fill_network_policy,
    HORIZONTAL_POD_AUTOSCALER.key: policy.fill_autoscaler,
    ROLE_BINDING.key: policy.fill_binding,
    CLUSTER_ROLE_BINDING.key: policy.fill_binding,
    PRIORITY_CLASS.key: policy.fill_priority_class,
    STORAGE_CLASS.key: policy.fill_storage_class,
    CSI_DRIVER.key: policy.fill_csi_driver,
    VALIDATING_ADMISSION_POLICY.key: policy.fill_admission_policy,
    VALIDATING_ADMISSION_POLICY_BINDING.key: policy.fill_admission_binding,
    MUTATING_ADMISSION_POLICY.key: policy.fill_admission_policy,
    MUTATING_ADMISSION_POLICY_BINDING.key: policy.fill_admission_binding,
    PERSISTENT_VOLUME.key: policy.fill_volume,
    PERSISTENT_VOLUME_CLAIM.key: policy.fill_claim,
    LIMIT_RANGE.key: policy.fill_limit_range,
    MUTATING_WEBHOOK_CONFIGURATION.key: policy.fill_mutating_webhooks,
    VALIDATING_WEBHOOK_CONFIGURATION.key: policy.fill_validating_webhooks,
    API_SERVICE.key: policy.fill_api_service,
}
