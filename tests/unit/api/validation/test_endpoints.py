"""Endpoints and EndpointSlices that people write by hand."""

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, ENDPOINTS


def subset(ip="192.0.2.1", **fields):
    return {"subsets": [{"addresses": [{"ip": ip}], "ports": [{"port": 80}], **fields}]}


def one_slice(*addresses, kind="IPv4", **fields):
    return {
        "addressType": kind,
        "endpoints": [{"addresses": list(addresses)}],
        "ports": [{"port": 80}],
        **fields,
    }


def with_hints(**hints):
    return {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"], "hints": hints}]}


@pytest.mark.parametrize("ip", ["192.0.2.1", "10.244.1.2", "2001:db8::1"])
def test_endpoints_may_be_anywhere(broken, ip):
    assert broken(ENDPOINTS, subset(ip)) == []


@pytest.mark.parametrize(
    ("obj", "field", "words"),
    [
        (subset("db"), "addresses[0].ip", 'Invalid value: "db": must be a valid IP address'),
        (
            subset("127.0.0.1"),
            "addresses[0].ip",
            'Invalid value: "127.0.0.1": may not be in the loopback range',
        ),
        (
            subset("169.254.0.1"),
            "addresses[0].ip",
            'Invalid value: "169.254.0.1": may not be in the link-local',
        ),
        (subset(addresses=[]), "", "Required value: must specify `addresses` or `notReadyAddresses`"),
        (subset(ports=[{"port": 0}]), "ports[0].port", "Invalid value: 0: must be between 1 and 65535"),
        (subset(ports=[{"port": 1, "name": "a"}, {"port": 2}]), "ports[1].name", "Required value"),
        (
            subset(notReadyAddresses=[{"ip": "192.0.2.2", "hostname": "A"}]),
            "notReadyAddresses[0].hostname",
            'Invalid value: "A": a lowercase RFC 1123 label',
        ),
    ],
)
def test_endpoints_that_break_a_rule_are_named(broken, obj, field, words):
    ((found, message),) = broken(ENDPOINTS, obj)

    assert found == f"subsets[0].{field}".rstrip(".")
    assert message.startswith(words)


def test_unchanged_endpoints_are_not_checked_again(broken):
    assert broken(ENDPOINTS, subset("127.0.0.1"), subset("127.0.0.1")) == []


@pytest.mark.parametrize(
    "obj",
    [
        one_slice("192.0.2.1"),
        one_slice("2001:db8::1", kind="IPv6"),
        one_slice("db.example.com", kind="FQDN"),
        one_slice("db.example.com.", kind="FQDN"),
        with_hints(forZones=[{"name": "zone-1"}, {"name": "Zone_2"}], forNodes=[{"name": "node-1"}]),
        {"addressType": "IPv4"},
        one_slice("192.0.2.1", ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]),
    ],
)
def test_these_slices_break_no_rule(broken, obj):
    assert broken(ENDPOINT_SLICE, obj) == []


@pytest.mark.parametrize(
    ("obj", "field", "words"),
    [
        ({"endpoints": []}, "addressType", "Required value"),
        (
            {"addressType": "IP"},
            "addressType",
            'Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"',
        ),
        (one_slice(), "endpoints[0].addresses", "Required value: must contain at least 1 address"),
        (
            one_slice("2001:db8::1"),
            "endpoints[0].addresses[0]",
            'Invalid value: "2001:db8::1": must be an IPv4 address',
        ),
        (
            one_slice("192.0.2.1", kind="IPv6"),
            "endpoints[0].addresses[0]",
            'Invalid value: "192.0.2.1": must be an IPv6 address',
        ),
        (
            one_slice("127.0.0.1"),
            "endpoints[0].addresses[0]",
            'Invalid value: "127.0.0.1": may not be in the loop',
        ),
        (one_slice("192.0.2.1", "192.0.2.1"), "endpoints[0].addresses[1]", 'Duplicate value: "192.0.2.1"'),
        (
            one_slice(*(f"192.0.2.{n}" for n in range(101))),
            "endpoints[0].addresses",
            "Too many: 101: must have at most 100 items",
        ),
        (
            {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}] * 1001},
            "endpoints",
            "Too many: 1001: must have at most 1000 items",
        ),
        (one_slice("192.0.2.1", ports=[{"port": 1}, {"port": 2}]), "ports[1].name", 'Duplicate value: ""'),
        (
            one_slice("192.0.2.1", ports=[{"port": 70000}]),
            "ports[0].port",
            "Invalid value: 70000: must be between",
        ),
        (
            one_slice("192.0.2.1", ports=[{"port": 1, "protocol": "X"}]),
            "ports[0].protocol",
            'Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
        ),
        (
            one_slice("192.0.2.1", ports=[{"port": 1, "appProtocol": "a b"}]),
            "ports[0].appProtocol",
            'Invalid value: "a b": name part must consist of',
        ),
        (
            one_slice("database", kind="FQDN"),
            "endpoints[0].addresses[0]",
            'Invalid value: "database": should be a domain with at least two segments separated by dots',
        ),
        (
            with_hints(forZones=[{"name": str(number)} for number in range(9)]),
            "endpoints[0].hints.forZones",
            "Too many: 9: must have at most 8 items",
        ),
        (
            with_hints(forZones=[{"name": "a"}, {"name": "a"}]),
            "endpoints[0].hints.forZones[1].name",
            'Duplicate value: "a"',
        ),
        (
            with_hints(forZones=[{"name": "a b"}]),
            "endpoints[0].hints.forZones[0].name",
            'Invalid value: "a b": a valid label must be',
        ),
        (
            with_hints(forNodes=[{"name": "Node"}]),
            "endpoints[0].hints.forNodes[0].name",
            'Invalid value: "Node": a lowercase RFC 1123 subdomain must consist',
        ),
        (
            {
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["192.0.2.1"], "deprecatedTopology": {"a b": "c"}}],
            },
            "endpoints[0].deprecatedTopology",
            'Invalid value: "a b": name part must consist of',
        ),
    ],
)
def test_a_slice_that_breaks_a_rule_is_named(broken, obj, field, words):
    ((found, message),) = broken(ENDPOINT_SLICE, obj)

    assert found == field
    assert message.startswith(words)


def test_the_address_type_of_a_slice_stays(broken):
    assert broken(ENDPOINT_SLICE, one_slice("2001:db8::1", kind="IPv6"), one_slice("192.0.2.1")) == [
        ("addressType", 'Invalid value: "IPv6": field is immutable')
    ]
