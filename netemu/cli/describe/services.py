"""Services and EndpointSlices."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.cli.describe.head import Object, write_labels, write_name
from netemu.cli.describe.sheet import Sheet

SHOWN_ENDPOINTS = 3


def write_service(sheet: Sheet, service: Object, slices: Sequence[Object]) -> None:
    """Write everything about a Service but its events."""
    spec = service["spec"]
    write_name(sheet, service)
    write_labels(sheet, service)
    selector = ",".join(f"{k}={v}" for k, v in sorted((spec.get("selector") or {}).items()))
    sheet.write(0, "Selector:", selector or "<none>")
    sheet.write(0, "Type:", spec.get("type", "ClusterIP"))
    _write_addresses(sheet, service)
    for port in spec.get("ports") or ():
        _write_port(sheet, port, slices)
    sheet.write(0, "Session Affinity:", spec.get("sessionAffinity", "None"))
    for title, key in (
        ("External Traffic Policy:", "externalTrafficPolicy"),
        ("Internal Traffic Policy:", "internalTrafficPolicy"),
    ):
        if spec.get(key):
            sheet.write(0, title, spec[key])


def write_endpoint_slice(sheet: Sheet, endpoint_slice: Object) -> None:
    """Write everything about an EndpointSlice but its events."""
    write_name(sheet, endpoint_slice)
    write_labels(sheet, endpoint_slice)
    sheet.write(0, "AddressType:", endpoint_slice.get("addressType", ""))
    ports = endpoint_slice.get("ports") or ()
    if ports:
        sheet.write(0, "Ports:")
        sheet.table(
            1,
            ("Name", "Port", "Protocol"),
            [(p.get("name") or "<unset>", p.get("port", "<any>"), p.get("protocol", "TCP")) for p in ports],
        )
    else:
        sheet.write(0, "Ports:", "<unset>")
    _write_endpoints(sheet, endpoint_slice.get("endpoints") or ())


def endpoints_text(port: Object, slices: Sequence[Object]) -> str:
    """Render the ready endpoints of one Service port; at most three, and how many more."""
    found = []
    for endpoint_slice in slices:
        numbers = [
            p["port"]
            for p in endpoint_slice.get("ports") or ()
            if (p.get("name") or "") == (port.get("name") or "")
        ]
        for endpoint in endpoint_slice.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True) is not False:
                found += [f"{endpoint['addresses'][0]}:{number}" for number in numbers]
    found.sort()
    more = f" + {len(found) - SHOWN_ENDPOINTS} more..." if len(found) > SHOWN_ENDPOINTS else ""
    return ",".join(found[:SHOWN_ENDPOINTS]) + more


def _write_addresses(sheet: Sheet, service: Object) -> None:
    spec = service["spec"]
    if spec.get("ipFamilyPolicy"):
        sheet.write(0, "IP Family Policy:", spec["ipFamilyPolicy"])
    sheet.write(0, "IP Families:", ",".join(spec.get("ipFamilies") or ()) or "<none>")
    sheet.write(0, "IP:", spec.get("clusterIP", ""))
    sheet.write(0, "IPs:", ",".join(spec.get("clusterIPs") or ()) or "<none>")
    if spec.get("externalIPs"):
        sheet.write(0, "External IPs:", ",".join(spec["externalIPs"]))
    if spec.get("externalName"):
        sheet.write(0, "External Name:", spec["externalName"])
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    if ingress:
        sheet.write(
            0, "LoadBalancer Ingress:", ", ".join(i.get("ip") or i.get("hostname", "") for i in ingress)
        )


def _write_port(sheet: Sheet, port: Object, slices: Sequence[Object]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    sheet.write(0, "Port:", f"{name}  {port['port']}/{protocol}")
    sheet.write(0, "TargetPort:", f"{port.get('targetPort', port['port'])}/{protocol}")
    if port.get("nodePort"):
        sheet.write(0, "NodePort:", f"{name}  {port['nodePort']}/{protocol}")
    sheet.write(0, "Endpoints:", endpoints_text(port, slices) or "<none>")


def _write_endpoints(sheet: Sheet, endpoints: Sequence[Object]) -> None:
    if not endpoints:
        sheet.write(0, "Endpoints:", "<none>")
        return
    sheet.write(0, "Endpoints:")
    for endpoint in endpoints:
        sheet.write(1, "- Addresses:", ",".join(endpoint["addresses"]))
        sheet.write(2, "Conditions:")
        for condition, value in sorted((endpoint.get("conditions") or {}).items()):
            sheet.write(3, f"{condition.capitalize()}:", str(value).lower())
        sheet.write(2, "Hostname:", endpoint.get("hostname") or "<unset>")
        reference = endpoint.get("targetRef")
        if reference:
            sheet.write(2, "TargetRef:", f"{reference['kind']}/{reference['name']}")
        sheet.write(2, "NodeName:", endpoint.get("nodeName") or "<unset>")
        sheet.write(2, "Zone:", endpoint.get("zone") or "<unset>")
