"""Ingresses and NetworkPolicies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from netemu.cli.describe.head import Object, render_selector, write_labels, write_name
from netemu.cli.describe.services import endpoints_text
from netemu.cli.describe.sheet import Sheet
from netemu.clock import parse_rfc3339

SERVICE_LABEL = "kubernetes.io/service-name"


def write_ingress(
    sheet: Sheet, ingress: Object, services: Sequence[Object], slices: Sequence[Object]
) -> None:
    """Write everything about an Ingress but its events; endpoints stand beside each Service."""
    spec, meta = ingress["spec"], ingress["metadata"]
    addresses = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    sheet.write(0, "Name:", meta["name"])
    sheet.mapping("Labels:", meta.get("labels") or {})
    sheet.write(0, "Namespace:", meta.get("namespace", ""))
    sheet.write(0, "Address:", ",".join(one.get("ip") or one.get("hostname", "") for one in addresses))
    sheet.write(0, "Ingress Class:", spec.get("ingressClassName") or "<none>")
    default = spec.get("defaultBackend")
    sheet.write(0, "Default backend:", _backend(default, services, slices) if default else "<default>")
    if spec.get("tls"):
        sheet.write(0, "TLS:")
        for tls in spec["tls"]:
            sheet.write(1, f"{tls.get('secretName') or 'SNI routes'} terminates {','.join(tls['hosts'])}")
    sheet.write(0, "Rules:")
    rows = list(_rules(spec.get("rules") or (), services, slices))
    shown = _backend(default, services, slices) if default else "<default>"
    sheet.table(1, ("Host", "Path", "Backends"), rows or [("*", "*", shown)])
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if "last-applied" not in k}
    sheet.mapping("Annotations:", annotations, separator=": ")


def write_network_policy(sheet: Sheet, policy: Object) -> None:
    """Write everything about a NetworkPolicy, rule by rule."""
    spec, types = policy["spec"], policy["spec"].get("policyTypes") or ()
    write_name(sheet, policy)
    created = policy["metadata"].get("creationTimestamp")
    if created:
        moment = datetime.fromtimestamp(parse_rfc3339(created), UTC)
        sheet.write(0, "Created on:", f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC")
    write_labels(sheet, policy)
    sheet.write(0, "Spec:")
    selected = render_selector(spec.get("podSelector") or {})
    everyone = "<none> (Allowing the specific traffic to all pods in this namespace)"
    sheet.write(1, f"PodSelector:     {everyone if selected == '<none>' else selected}")
    for word, way, end in (("ingress", "Ingress", "From"), ("egress", "Egress", "To")):
        if way not in types:
            sheet.write(1, f"Not affecting {word} traffic")
            continue
        sheet.write(1, f"Allowing {word} traffic:")
        _write_rules(sheet, spec.get(word) or (), word, end)
    sheet.write(1, f"Policy Types: {', '.join(types)}")


def _rules(
    rules: Sequence[Object], services: Sequence[Object], slices: Sequence[Object]
) -> Iterator[tuple[str, ...]]:
    for rule in rules:
        yield (rule.get("host") or "*", "")
        for path in (rule.get("http") or {}).get("paths") or ():
            yield ("", path.get("path", ""), _backend(path["backend"], services, slices))


def _backend(backend: Object, services: Sequence[Object], slices: Sequence[Object]) -> str:
    if "resource" in backend:
        found = backend["resource"]
        return f"APIGroup: {found.get('apiGroup', '')}, Kind: {found['kind']}, Name: {found['name']}"
    name = backend["service"]["name"]
    wanted = backend["service"].get("port") or {}
    shown = wanted.get("name") or wanted.get("number", "")
    service = next((one for one in services if one["metadata"]["name"] == name), None)
    if service is None:
        return f'{name}:{shown} (<error: services "{name}" not found>)'
    ports = [one for one in service["spec"].get("ports") or () if _is_meant(one, wanted)]
    own = [one for one in slices if (one["metadata"].get("labels") or {}).get(SERVICE_LABEL) == name]
    found = ",".join(endpoints_text(port, own) for port in ports)
    return f"{name}:{shown} ({found})"


def _is_meant(port: Object, wanted: Object) -> bool:
    return wanted.get("number") == port["port"] or ("name" in wanted and wanted["name"] == port.get("name"))


def _write_rules(sheet: Sheet, rules: Sequence[Object], word: str, end: str) -> None:
    if not rules:
        sheet.write(2, f"<none> (Selected pods are isolated for {word} connectivity)")
    source = "source" if end == "From" else "destination"
    for index, rule in enumerate(rules):
        if index:
            sheet.write(2, "-" * 10)
        for port in rule.get("ports") or ():
            sheet.write(2, _port(port))
        if not rule.get("ports"):
            sheet.write(2, "To Port: <any> (traffic allowed to all ports)")
        peers = rule.get(end.lower()) or ()
        for peer in peers:
            sheet.write(2, f"{end}:")
            for line in _peer(peer):
                sheet.write(3, line)
        if not peers:
            sheet.write(2, f"{end}: <any> (traffic not restricted by {source})")


def _port(port: Object) -> str:
    protocol: Any = port.get("protocol", "TCP")
    if port.get("endPort"):
        return f"To Port Range: {port['port']}-{port['endPort']}/{protocol}"
    return f"To Port: {port.get('port', '<any>')}/{protocol}"


def _peer(peer: Object) -> Iterator[str]:
    for title, key in (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")):
        if key in peer:
            yield f"{title}: {render_selector(peer[key])}"
    block = peer.get("ipBlock")
    if block:
        yield "IPBlock:"
        yield f"  CIDR: {block['cidr']}"
        yield f"  Except: {', '.join(block.get('except') or ())}"
