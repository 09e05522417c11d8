"""What is written as protobuf reads as what it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.defaulting import default
from netemu.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    INGRESS,
    LEASE,
    NETWORK_POLICY,
    POD,
    SECRET,
    SERVICE,
)
from netemu.api.protobuf import decode_object, encode_event, encode_object
from netemu.api.protobuf.wire import read_fields
from netemu.testing import builders

TIME, MICRO_TIME = "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.000006Z"


def kept(value):
    """Drop what a message cannot tell from nothing."""
    if isinstance(value, dict):
        return {key: item for key in value if (item := kept(value[key])) not in ({}, [], None)}
    return [kept(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        pytest.param(POD, builders.running(builders.pod("p", node="n")), id="pod"),
        pytest.param(
            POD, builders.pod("p", tolerations=[{"operator": "Exists", "tolerationSeconds": 0}]), id="0"
        ),
        pytest.param(SERVICE, builders.service(clusterIP="10.96.0.5", sessionAffinity="None"), id="service"),
        pytest.param(
            SERVICE, builders.service(ports=({"port": 80, "targetPort": "http"},)), id="a port's name"
        ),
        pytest.param(DEPLOYMENT, builders.deployment(), id="deployment"),
        pytest.param(INGRESS, builders.ingress(class_name="nginx"), id="ingress"),
        pytest.param(
            ENDPOINT_SLICE,
            {
                "metadata": {"name": "e", "creationTimestamp": TIME},
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}],
                "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
            },
            id="false and empty",
        ),
        pytest.param(
            LEASE,
            {"metadata": {"name": "l"}, "spec": {"renewTime": MICRO_TIME, "leaseTransitions": 0}},
            id="µs",
        ),
        pytest.param(SECRET, {"metadata": {"name": "s"}, "data": {"a": "AAEC", "b": ""}}, id="bytes"),
        pytest.param(
            NETWORK_POLICY,
            {
                "metadata": {"name": "n", "managedFields": [{"manager": "m", "fieldsV1": {"f:a": {}}}]},
                "spec": {
                    "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]
                },
            },
            id="raw fields",
        ),
    ],
)
def test_an_object_comes_back(kind, obj):
    whole = default(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **obj})

    assert kept(decode_object(encode_object(whole))) == kept(whole)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20)))
def test_any_map_of_strings_comes_back(data):
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}

    assert decode_object(encode_object(obj)).get("data", {}) == data


@pytest.mark.parametrize("number", [0, 1, -1, 80, 1 << 30, -(1 << 31)])
def test_numbers_come_back(number):
    obj = {"apiVersion": "v1", "kind": "Pod", "spec": {"priority": number}}

    assert decode_object(encode_object(obj))["spec"]["priority"] == number


def test_a_list_has_the_items_of_its_kind():
    items = [{"metadata": {"name": name}} for name in "ab"]
    listing = {
        "apiVersion": "v1",
        "kind": "ConfigMapList",
        "metadata": {"resourceVersion": "7"},
        "items": items,
    }

    assert decode_object(encode_object(listing)) == listing


def test_users_own_kinds_have_no_messages():
    obj = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}

    assert (encode_object(obj), encode_event("ADDED", obj)) == (None, None)


def test_an_event_has_its_length_before_it():
    obj = {"apiVersion": CONFIG_MAP.api_version, "kind": "ConfigMap", "metadata": {"name": "c"}}
    event = encode_event("ADDED", obj)
    fields = dict(read_fields(event[4:]))
    (envelope,) = [value for _, value in read_fields(fields[2])]

    assert int.from_bytes(event[:4], "big") == len(event) - 4
    assert fields[1] == b"ADDED"
    assert decode_object(envelope) == obj
