"""Names of Kubernetes' Go types: its decoder says them when a value does not fit. Pure.

The published schemas tell most of them. Strings that have a type of their own look like others
there: the ones that people write are listed.
"""

from __future__ import annotations

from collections.abc import Mapping

_SCALARS: Mapping[tuple[str, str], str] = {
    ("integer", "int64"): "int64",
    ("integer", ""): "int32",
    ("boolean", ""): "bool",
    ("number", ""): "float64",
    ("string", "byte"): "[]uint8",
    ("", ""): "interface {}",
}
_NAMED: Mapping[str, str] = {"Quantity": "resource.Quantity", "IntOrString": "int32"}
_FIELDS: Mapping[tuple[str, str], str] = {
    ("Container", "imagePullPolicy"): "v1.PullPolicy",
    ("Container", "terminationMessagePolicy"): "v1.TerminationMessagePolicy",
    ("ContainerPort", "protocol"): "v1.Protocol",
    ("EndpointPort", "protocol"): "v1.Protocol",
    ("EndpointSlice", "addressType"): "v1.AddressType",
    ("HTTPGetAction", "scheme"): "v1.URIScheme",
    ("HTTPIngressPath", "pathType"): "v1.PathType",
    ("LabelSelectorRequirement", "operator"): "v1.LabelSelectorOperator",
    ("NetworkPolicyPort", "protocol"): "v1.Protocol",
    ("NetworkPolicySpec", "policyTypes"): "[]v1.PolicyType",
    ("ObjectMeta", "uid"): "types.UID",
    ("OwnerReference", "uid"): "types.UID",
    ("PodSpec", "dnsPolicy"): "v1.DNSPolicy",
    ("PodSpec", "restartPolicy"): "v1.RestartPolicy",
    ("Secret", "type"): "v1.SecretType",
    ("ServicePort", "protocol"): "v1.Protocol",
    ("ServiceSpec", "externalTrafficPolicy"): "v1.ServiceExternalTrafficPolicy",
    ("ServiceSpec", "internalTrafficPolicy"): "v1.ServiceInternalTrafficPolicy",
    ("ServiceSpec", "ipFamilies"): "[]v1.IPFamily",
    ("ServiceSpec", "ipFamilyPolicy"): "v1.IPFamilyPolicy",
    ("ServiceSpec", "sessionAffinity"): "v1.ServiceAffinity",
    ("ServiceSpec", "type"): "v1.ServiceType",
    ("Taint", "effect"): "v1.TaintEffect",
    ("Toleration", "effect"): "v1.TaintEffect",
    ("Toleration", "operator"): "v1.TolerationOperator",
}


def named(definition: str) -> str:
    """Give the type of a published definition: ``io.k8s.api.core.v1.ServicePort`` is ``v1.ServicePort``."""
    package, _, name = definition.rpartition(".")
    return _NAMED.get(name) or f"{package.rpartition('.')[2]}.{name}"


def of_scalar(type_name: str, format_name: str) -> str:
    """Give the type of a plain value."""
    if type_name == "integer":
        return _SCALARS[type_name, format_name if format_name == "int64" else ""]
    return _SCALARS.get((type_name, format_name)) or _SCALARS.get((type_name, "")) or "string"


def of_map(values: str) -> str:
    """Give the type of a map whose values have a type."""
    return "v1.ResourceList" if values == _NAMED["Quantity"] else f"map[string]{values}"


def of_field(struct: str, name: str, inferred: str) -> str:
    """Give the type of one field, where the schema does not tell it."""
    return _FIELDS.get((struct, name), inferred)
