"""What one Service port needs: endpoints, slots, frontends; and that history does not matter."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.informer.cache import Cache, Key
from netemu.nft.expressions import L4
from netemu.proxy.index import Endpoint, Index, PortKey
from netemu.proxy.plan import Frontend, Plans, in_slots, plan, plan_all

WEB = Key("default", "web")
READY = {"ready": True}
UNKNOWN = {}
NOT_READY = {"ready": False}
ENDING = {"ready": False, "serving": True, "terminating": True}
ENDING_SICK = {"ready": False, "serving": False, "terminating": True}
HTTP = {"name": "http", "port": 80, "protocol": "TCP"}
DNS = {"name": "dns", "port": 53, "protocol": "UDP"}


def service(name="web", ip="10.96.0.20", ports=(HTTP,), **more):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": ip, "ports": list(ports), **more},
    }


def slice_(suffix="1", *endpoints, of="web", ports=({"name": "http", "port": 8080},), family="IPv4"):
    return {
        "metadata": {
            "name": f"{of}-{suffix}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": of},
        },
        "addressType": family,
        "ports": list(ports),
        "endpoints": [{"addresses": [ip], "conditions": conditions} for ip, conditions in endpoints],
    }


def cache_with(*objects):
    cache = Cache()
    for obj in objects:
        cache.apply(SERVICE if "spec" in obj else ENDPOINT_SLICE, obj)
    return cache


WEB_HTTP = PortKey(WEB, "http")


def planned(*objects, key=WEB_HTTP):
    return plan(Index(cache_with(*objects)), key, lambda scope: 7)


def ips(elements):
    return [str(endpoint.address) for endpoint in elements.endpoints]


def at(number, node=None):
    return Endpoint(IPv4Address(f"10.244.0.{number}"), 80, node)


@pytest.mark.parametrize(
    ("endpoints", "chosen"),
    [
        pytest.param([], [], id="none"),
        pytest.param([("10.0.0.1", READY), ("10.0.0.2", UNKNOWN)], ["10.0.0.1", "10.0.0.2"], id="ready"),
        pytest.param([("10.0.0.1", READY), ("10.0.0.2", NOT_READY)], ["10.0.0.1"], id="one-not-ready"),
        pytest.param([("10.0.0.1", READY), ("10.0.0.2", ENDING)], ["10.0.0.1"], id="ready-before-ending"),
        pytest.param([("10.0.0.1", NOT_READY), ("10.0.0.2", ENDING)], ["10.0.0.2"], id="ending-as-fallback"),
        pytest.param([("10.0.0.1", ENDING_SICK)], [], id="ending-and-not-serving"),
        pytest.param([("10.0.0.1", READY), ("10.0.0.1", READY)], ["10.0.0.1"], id="named-twice"),
        pytest.param([("web.example", READY)], [], id="not-an-address"),
    ],
)
def test_ready_endpoints_are_used_and_ending_ones_only_when_there_is_no_other(endpoints, chosen):
    assert ips(planned(service(), slice_("1", *endpoints))) == chosen


UDP_PORTS = ({"name": "dns", "port": 8053, "protocol": "UDP"},)


@pytest.mark.parametrize(
    ("key", "endpoints", "lingering"),
    [
        pytest.param("dns", [("10.0.0.2", ENDING), ("10.0.0.1", READY)], ["10.0.0.2"], id="ending"),
        pytest.param(
            "dns", [("10.0.0.1", READY), ("10.0.0.2", ENDING_SICK)], [], id="ending-and-not-serving"
        ),
        pytest.param("dns", [("10.0.0.1", ENDING)], [], id="the-only-one-is-used"),
        pytest.param("http", [("10.0.0.2", ENDING), ("10.0.0.1", READY)], [], id="tcp-needs-none"),
    ],
)
def test_endpoints_of_udp_that_end_are_known_for_the_flows_that_they_have(key, endpoints, lingering):
    both = slice_("1", *endpoints, ports=({"name": "http", "port": 8080}, *UDP_PORTS))

    elements = planned(service(ports=(HTTP, DNS)), both, key=PortKey(WEB, key))

    assert [str(endpoint.address) for endpoint in elements.lingering] == lingering


def test_endpoints_of_all_slices_of_the_service_are_joined():
    elements = planned(
        service(),
        slice_("1", ("10.0.0.1", READY)),
        slice_("2", ("10.0.0.2", READY)),
        slice_("1", ("10.0.0.3", READY), of="other"),
        slice_("6", ("fd00::1", READY), family="IPv6"),
    )

    assert ips(elements) == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("slice_port", "found"),
    [
        pytest.param({"name": "http", "port": 8080}, [8080], id="same-name"),
        pytest.param({"name": "http", "port": 8080, "protocol": "UDP"}, [], id="other-protocol"),
        pytest.param({"name": "https", "port": 8080}, [], id="other-name"),
        pytest.param({"port": 8080}, [], id="no-name"),
        pytest.param({"name": "http"}, [], id="no-number"),
        pytest.param({"name": "http", "port": 70000}, [], id="impossible-number"),
    ],
)
def test_a_slice_port_belongs_to_the_service_port_of_its_name_and_protocol(slice_port, found):
    elements = planned(service(), slice_("1", ("10.0.0.1", READY), ports=[slice_port]))

    assert [endpoint.port for endpoint in elements.endpoints] == found


def test_a_port_without_a_name_matches_a_slice_port_without_a_name():
    only = {"port": 80, "protocol": "TCP"}

    elements = planned(
        service(ports=[only]), slice_("1", ("10.0.0.1", READY), ports=[{"port": 9}]), key=PortKey(WEB, "")
    )

    assert ips(elements) == ["10.0.0.1"]


@pytest.mark.parametrize(
    "absent",
    [
        pytest.param(service(ip="None"), id="headless"),
        pytest.param(service(ip=""), id="not-allocated-yet"),
        pytest.param(service(ip="fd00::1"), id="ipv6"),
        pytest.param(service(type="ExternalName", ip=""), id="external-name"),
        pytest.param(service(name="other"), id="no-such-service"),
        pytest.param(service(ports=[DNS]), id="no-such-port"),
    ],
)
def test_a_service_without_such_a_port_or_cluster_ip_needs_nothing(absent):
    assert planned(absent) is None


def test_external_addresses_are_frontends_of_the_service_whose_name_comes_first():
    index = Index(
        cache_with(
            service("a", "10.96.0.1", externalIPs=["1.2.3.4"]),
            {
                **service("b", "10.96.0.2", externalIPs=["1.2.3.4"]),
                "status": {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"hostname": "x"}]}},
            },
        )
    )

    external = {
        name: plan(index, PortKey(Key("default", name), "http"), lambda scope: 1).external
        for name in ("a", "b")
    }

    assert external == {
        "a": (Frontend(IPv4Address("1.2.3.4"), L4.TCP, 80),),
        "b": (Frontend(IPv4Address("5.6.7.8"), L4.TCP, 80),),
    }


def test_an_address_that_was_read_is_as_any_other():
    (found,) = planned(service(), slice_("1", ("10.244.1.2", READY))).endpoints
    same = Endpoint(IPv4Address("10.244.1.2"), 8080)

    assert {same: "it"}[found] == "it"
    assert str(found.address + 1) == "10.244.1.3"


def test_a_change_of_a_service_touches_those_that_claim_the_same_external_address():
    cache = cache_with(service("b", "10.96.0.2", externalIPs=["1.2.3.4"]))
    index = Index(cache)

    change = cache.apply(SERVICE, service("a", "10.96.0.1", externalIPs=["1.2.3.4"]))

    assert {key.name for key in index.touched(change)} == {"a", "b"}


def test_a_slice_that_passes_to_another_service_touches_both():
    cache = cache_with(slice_("1", of="web"))
    index = Index(cache)
    moved = slice_("1", of="web")
    moved["metadata"] = {**moved["metadata"], "labels": {"kubernetes.io/service-name": "other"}}

    assert {key.name for key in index.touched(cache.apply(ENDPOINT_SLICE, moved))} == {"web", "other"}


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        pytest.param((), [3, 1, 2], (1, 2, 3), id="new"),
        pytest.param((1, 2, 3), [3, 1, 2], (1, 2, 3), id="same"),
        pytest.param((2, 3), [1, 2, 3], (2, 3, 1), id="one-more"),
        pytest.param((1, 2, 3), [2, 3], (3, 2), id="one-less"),
        pytest.param((1, 2, 3), [1, 4, 3], (1, 4, 3), id="one-other"),
        pytest.param((1, 2), [], (), id="none-left"),
    ],
)
def test_endpoints_that_stay_keep_their_slots_where_that_leaves_no_gap(before, wanted, after):
    assert in_slots([at(n) for n in wanted], tuple(map(at, before))) == tuple(map(at, after))


def test_a_service_that_comes_back_has_the_same_id_and_two_never_share_one():
    cache = cache_with(service(), service("two", "10.96.0.3"))
    plans = Plans(Index(cache))
    plans.refresh([WEB, Key("default", "two")])
    ids = {key.service.name: elements.id for key, elements in plans.current.items()}
    cache.apply(SERVICE, None, key=WEB)
    gone = plans.refresh([WEB])
    cache.apply(SERVICE, service())
    plans.refresh([WEB])

    assert gone == {PortKey(WEB, "http"): None}
    assert plans.current[PortKey(WEB, "http")].id == ids["web"]
    assert len(set(ids.values())) == 2


def test_refreshing_what_did_not_change_gives_nothing():
    plans = Plans(Index(cache_with(service(ports=[HTTP, DNS]), slice_("1", ("10.0.0.1", READY)))))
    first = plans.refresh([WEB])

    assert set(first) == {PortKey(WEB, "http"), PortKey(WEB, "dns")}
    assert plans.refresh([WEB]) == {}


NAMES = st.sampled_from(["a", "b", "c"])
PORTS = st.sampled_from([(HTTP,), (DNS,), (HTTP, DNS), ({**HTTP, "nodePort": 30001},)])
ENDPOINTS = st.lists(
    st.tuples(st.integers(1, 5).map("10.0.0.{}".format), st.sampled_from([READY, NOT_READY, ENDING])),
    max_size=5,
)
BOTH_PORTS = ({"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"})
EVENTS = st.lists(
    st.one_of(
        st.builds(lambda name, ports: (SERVICE, service(name, f"10.96.0.{ord(name)}", ports)), NAMES, PORTS),
        st.builds(
            lambda name, suffix, endpoints: (
                ENDPOINT_SLICE,
                slice_(suffix, *endpoints, of=name, ports=BOTH_PORTS),
            ),
            NAMES,
            st.sampled_from("12"),
            ENDPOINTS,
        ),
        NAMES.map(lambda name: (SERVICE, Key("default", name))),
        NAMES.map(lambda name: (ENDPOINT_SLICE, Key("default", f"{name}-1"))),
    ),
    max_size=25,
)


def applied(cache, kind, event):
    if isinstance(event, Key):
        return cache.apply(kind, None, key=event)
    return cache.apply(kind, event)


def comparable(plans):
    return {
        key: (elements.id, elements.frontends, elements.node_port, set(elements.endpoints))
        for key, elements in plans.items()
    }


@given(EVENTS)
def test_plans_made_change_by_change_equal_a_full_plan(events):
    cache = Cache()
    index = Index(cache)
    plans = Plans(index)
    for kind, event in events:
        change = applied(cache, kind, event)
        plans.refresh(index.touched(change) if change is not None else ())

    assert comparable(plans.current) == comparable(plan_all(index))


def test_a_service_that_nobody_can_plan_keeps_no_other_from_its_plan():
    cache = cache_with(service("odd", ip=["10.96.0.20"]), service(), slice_("1", ("10.0.0.1", READY)))
    plans = Plans(Index(cache))

    changed = plans.refresh([Key("default", "odd"), WEB])

    assert list(changed) == list(plans.current) == [WEB_HTTP]
