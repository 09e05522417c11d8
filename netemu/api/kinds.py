"""The kinds that netemu's API serves: one row each.

Sources: https://kubernetes.io/docs/reference/kubernetes-api/ (names, short names, categories).
"""

from __future__ import annotations

from msgspec import Struct, field

from netemu.api.crd.version import CustomVersion


class Kind(Struct, frozen=True, kw_only=True, eq=False):
    """One kind of object, under one group and version. There is one value for each: compare with ``is``.

    ``group`` is empty for the core group. ``subresources`` are the ones that can be
    addressed under ``/{resource}/{name}/``. ``custom`` is set for the kinds of
    CustomResourceDefinitions; ``stored`` is the version that the kind's objects are stored as,
    ``None`` for this one.
    """

    group: str
    version: str
    kind: str
    resource: str
    singular: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = field(default=())
    custom: CustomVersion | None = None
    stored: Kind | None = None

    @property
    def api_version(self) -> str:
        """``v1`` or ``group/version``: what ``apiVersion`` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> str:
        """``resource`` or ``resource.group``: how kubectl prints it; the first part of a store key."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def schema_key(self) -> str:
        """What ``schema.json`` calls it: the key, with the version where it is not the stored one."""
        return self.key if self.stored is None else f"{self.key}/{self.version}"


def _core(kind: str, resource: str, *short: str, **more: object) -> Kind:
    return _kind("", "v1", kind, resource, *short, **more)


def _kind(group: str, version: str, kind: str, resource: str, *short: str, **more: object) -> Kind:
    return Kind(
        group=group,
        version=version,
        kind=kind,
        resource=resource,
        singular=kind.lower(),
        short_names=short,
        **more,  # type: ignore[arg-type]
    )


NAMESPACE = _core("Namespace", "namespaces", "ns", namespaced=False, subresources=("status", "finalize"))
NODE = _core("Node", "nodes", "no", namespaced=False, subresources=("status", "proxy"))
POD = _core(
    "Pod",
    "pods",
    "po",
    categories=("all",),
    subresources=(
        "status",
        "log",
        "exec",
        "attach",
        "portforward",
        "proxy",
        "binding",
        "eviction",
        "ephemeralcontainers",
        "resize",
    ),
)
SERVICE = _core("Service", "services", "svc", categories=("all",), subresources=("status", "proxy"))
ENDPOINTS = _core("Endpoints", "endpoints", "ep")
CONFIG_MAP = _core("ConfigMap", "configmaps", "cm")
SECRET = _core("Secret", "secrets")
SERVICE_ACCOUNT = _core("ServiceAccount", "serviceaccounts", "sa")
EVENT = _core("Event", "events", "ev")
DEPLOYMENT = _kind(
    "apps", "v1", "Deployment", "deployments", "deploy", categories=("all",), subresources=("status", "scale")
)
REPLICA_SET = _kind(
    "apps", "v1", "ReplicaSet", "replicasets", "rs", categories=("all",), subresources=("status", "scale")
)
DAEMON_SET = _kind(
    "apps", "v1", "DaemonSet", "daemonsets", "ds", categories=("all",), subresources=("status",)
)
STATEFUL_SET = _kind(
    "apps", "v1", "StatefulSet", "statefulsets", "sts", categories=("all",), subresources=("status", "scale")
)
ENDPOINT_SLICE = _kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
INGRESS = _kind("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", subresources=("status",))
INGRESS_CLASS = _kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False)

REPLICATION_CONTROLLER = _core(
    "ReplicationController",
    "replicationcontrollers",
    "rc",
    categories=("all",),
    subresources=("status", "scale"),
)
POD_TEMPLATE = _core("PodTemplate", "podtemplates")
LIMIT_RANGE = _core("LimitRange", "limitranges", "limits")
RESOURCE_QUOTA = _core("ResourceQuota", "resourcequotas", "quota", subresources=("status",))
PERSISTENT_VOLUME = _core(
    "PersistentVolume", "persistentvolumes", "pv", namespaced=False, subresources=("status",)
)
PERSISTENT_VOLUME_CLAIM = _core(
    "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", subresources=("status",)
)
CONTROLLER_REVISION = _kind("apps", "v1", "ControllerRevision", "controllerrevisions")
JOB = _kind("batch", "v1", "Job", "jobs", categories=("all",), subresources=("status",))
CRON_JOB = _kind("batch", "v1", "CronJob", "cronjobs", "cj", categories=("all",), subresources=("status",))
NETWORK_POLICY = _kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol")
SERVICE_CIDR = _kind(
    "networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", namespaced=False, subresources=("status",)
)
IP_ADDRESS = _kind("networking.k8s.io", "v1", "IPAddress", "ipaddresses", "ip", namespaced=False)
LEASE = _kind("coordination.k8s.io", "v1", "Lease", "leases")
PRIORITY_CLASS = _kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", namespaced=False)
POD_DISRUPTION_BUDGET = _kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", subresources=("status",)
)
HORIZONTAL_POD_AUTOSCALER = _kind(
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    "hpa",
    categories=("all",),
    subresources=("status",),
)
HORIZONTAL_POD_AUTOSCALER_V1 = _kind(
    "autoscaling",
    "v1",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    "hpa",
    categories=("all",),
    subresources=("status",),
    stored=HORIZONTAL_POD_AUTOSCALER,
)
ROLE = _kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = _kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = _kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = _kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
STORAGE_CLASS = _kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", namespaced=False)
EVENTS_EVENT = _kind("events.k8s.io", "v1", "Event", "events", "ev")
MUTATING_WEBHOOK_CONFIGURATION = _kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    categories=("api-extensions",),
    namespaced=False,
)
VALIDATING_WEBHOOK_CONFIGURATION = _kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    categories=("api-extensions",),
    namespaced=False,
)
CUSTOM_RESOURCE_DEFINITION = _kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "crd",
    "crds",
    categories=("api-extensions",),
    namespaced=False,
    subresources=("status",),
)
API_SERVICE = _kind(
    "apiregistration.k8s.io",
    "v1",
    "APIService",
    "apiservices",
    categories=("api-extensions",),
    namespaced=False,
    subresources=("status",),
)
COMPONENT_STATUS = _core("ComponentStatus", "componentstatuses", "cs", namespaced=False)
VALIDATING_ADMISSION_POLICY = _kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    categories=("api-extensions",),
    namespaced=False,
    subresources=("status",),
)
VALIDATING_ADMISSION_POLICY_BINDING = _kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    categories=("api-extensions",),
    namespaced=False,
)
MUTATING_ADMISSION_POLICY = _kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    categories=("api-extensions",),
    namespaced=False,
)
MUTATING_ADMISSION_POLICY_BINDING = _kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    categories=("api-extensions",),
    namespaced=False,
)
FLOW_SCHEMA = _kind(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "FlowSchema",
    "flowschemas",
    namespaced=False,
    subresources=("status",),
)
PRIORITY_LEVEL_CONFIGURATION = _kind(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "PriorityLevelConfiguration",
    "prioritylevelconfigurations",
    namespaced=False,
    subresources=("status",),
)
RUNTIME_CLASS = _kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False)
CERTIFICATE_SIGNING_REQUEST = _kind(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    "csr",
    namespaced=False,
    subresources=("status", "approval"),
)
CSI_DRIVER = _kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False)
CSI_NODE = _kind("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False)
CSI_STORAGE_CAPACITY = _kind("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities")
VOLUME_ATTACHMENT = _kind(
    "storage.k8s.io",
    "v1",
    "VolumeAttachment",
    "volumeattachments",
    namespaced=False,
    subresources=("status",),
)
VOLUME_ATTRIBUTES_CLASS = _kind(
    "storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", "vac", namespaced=False
)

PLANNED: tuple[Kind, ...] = (
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    ENDPOINTS,
    CONFIG_MAP,
    SECRET,
    SERVICE_ACCOUNT,
    DEPLOYMENT,
    REPLICA_SET,
    DAEMON_SET,
    STATEFUL_SET,
    REPLICATION_CONTROLLER,
    CONTROLLER_REVISION,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    STORAGE_CLASS,
    POD_DISRUPTION_BUDGET,
    JOB,
    CRON_JOB,
    SERVICE_CIDR,
    ENDPOINT_SLICE,
    INGRESS,
    INGRESS_CLASS,
    LEASE,
    CERTIFICATE_SIGNING_REQUEST,
)
"""The kinds that someone in netemu plans from: the shared cache follows these."""

KINDS: tuple[Kind, ...] = (
    *PLANNED,
    EVENT,
    POD_TEMPLATE,
    LIMIT_RANGE,
    RESOURCE_QUOTA,
    NETWORK_POLICY,
    IP_ADDRESS,
    PRIORITY_CLASS,
    HORIZONTAL_POD_AUTOSCALER,
    HORIZONTAL_POD_AUTOSCALER_V1,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    EVENTS_EVENT,
    MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_WEBHOOK_CONFIGURATION,
    CUSTOM_RESOURCE_DEFINITION,
    API_SERVICE,
    COMPONENT_STATUS,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    FLOW_SCHEMA,
    PRIORITY_LEVEL_CONFIGURATION,
    RUNTIME_CLASS,
    CSI_DRIVER,
    CSI_NODE,
    CSI_STORAGE_CAPACITY,
    VOLUME_ATTACHMENT,
    VOLUME_ATTRIBUTES_CLASS,
)
"""All kinds that every cluster serves; CustomResourceDefinitions add more while it runs."""

BY_GVK = {(k.group, k.version, k.kind): k for k in KINDS}
BY_GVR = {(k.group, k.version, k.resource): k for k in KINDS}
