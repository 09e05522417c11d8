"""Three-way apply: what the user wants is there afterwards, what others set stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.defaulting import default
from netemu.api.kinds import DEPLOYMENT, POD, SERVICE
from netemu.api.patch import strategic_merge_patch, three_way_patch


def service(*ports, **spec):
    return {"metadata": {"name": "web"}, "spec": {"ports": list(ports), **spec}}


HTTP = {"port": 80, "name": "http"}
HTTPS = {"port": 443, "name": "https"}


def test_nothing_is_patched_when_all_is_as_wanted():
    wanted = service(HTTP, selector={"app": "web"})
    live = default(SERVICE, {**wanted, "spec": {**wanted["spec"], "clusterIP": "10.96.0.7"}})

    assert three_way_patch(SERVICE, wanted, wanted, live) == {}


def test_a_change_is_patched_and_what_the_server_set_stays():
    last, wanted = service(HTTP), service({**HTTP, "targetPort": 8080})
    live = default(SERVICE, {**last, "spec": {**last["spec"], "clusterIP": "10.96.0.7"}})

    patch = three_way_patch(SERVICE, last, wanted, live)

    assert patch == {
        "spec": {"ports": [{"port": 80, "targetPort": 8080}], "$setElementOrder/ports": [{"port": 80}]}
    }
    assert strategic_merge_patch(SERVICE, live, patch)["spec"]["clusterIP"] == "10.96.0.7"


def test_what_is_no_longer_wanted_goes_and_what_others_added_stays():
    last = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    wanted = {"metadata": {"labels": {"a": "1"}}}
    live = {"metadata": {"labels": {"a": "1", "b": "2", "theirs": "x"}}}

    patch = three_way_patch(SERVICE, last, wanted, live)

    assert patch == {"metadata": {"labels": {"b": None}}}


def test_a_port_that_is_no_longer_wanted_is_deleted_by_its_key():
    live = default(SERVICE, service(HTTP, HTTPS))

    patch = three_way_patch(SERVICE, service(HTTP, HTTPS), service(HTTPS), live)

    assert patch["spec"]["ports"] == [{"$patch": "delete", "port": 80}]
    assert [port["port"] for port in strategic_merge_patch(SERVICE, live, patch)["spec"]["ports"]] == [443]


def test_without_a_last_applied_object_nothing_is_deleted():
    live = default(SERVICE, service(HTTP, HTTPS))

    assert three_way_patch(SERVICE, None, service(HTTPS), live) == {}


def test_one_port_number_for_two_protocols_is_applied_as_it_is():
    dns = service(
        {"port": 53, "protocol": "UDP", "name": "dns"}, {"port": 53, "protocol": "TCP", "name": "dns-tcp"}
    )
    live = default(SERVICE, service({"port": 53, "protocol": "UDP", "name": "dns"}))

    patched = strategic_merge_patch(SERVICE, live, three_way_patch(SERVICE, None, dns, live))

    assert patched["spec"]["ports"] == dns["spec"]["ports"]


def test_another_strategy_takes_the_old_ones_settings_with_it():
    wanted = {"spec": {"strategy": {"type": "Recreate"}}}
    live = default(DEPLOYMENT, {"spec": {}})

    patch = three_way_patch(DEPLOYMENT, {"spec": {}}, wanted, live)

    assert patch["spec"]["strategy"] == {"type": "Recreate", "$retainKeys": ["type"]}
    assert strategic_merge_patch(DEPLOYMENT, live, patch)["spec"]["strategy"] == {"type": "Recreate"}


def test_another_kind_of_volume_replaces_the_old_one():
    last = {"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}}
    wanted = {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}
    live = default(POD, last)

    patched = strategic_merge_patch(POD, live, three_way_patch(POD, last, wanted, live))

    assert patched["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


@pytest.mark.parametrize(
    ("last", "wanted", "live", "result"),
    [
        (["a"], ["a", "b"], ["a"], ["a", "b"]),
        (["a", "b"], ["b"], ["a", "b", "theirs"], ["b", "theirs"]),
        ([], ["b", "a"], ["a", "b"], ["b", "a"]),
        (["a"], ["a"], ["theirs", "a"], ["theirs", "a"]),
    ],
)
def test_a_set_of_names_is_merged(last, wanted, live, result):
    def named(finalizers):
        return {"metadata": {"finalizers": finalizers}}

    patch = three_way_patch(POD, named(last), named(wanted), named(live))

    assert strategic_merge_patch(POD, named(live), patch) == named(result)


names = st.sampled_from("abc")
texts = st.dictionaries(names, names, max_size=3)
port_items = st.fixed_dictionaries(
    {"containerPort": st.integers(80, 82)}, optional={"name": names, "hostPort": st.integers(1, 3)}
)
container_items = st.fixed_dictionaries(
    {"name": names},
    optional={
        "image": names,
        "args": st.lists(names, max_size=2),
        "ports": st.lists(port_items, max_size=3),
        "env": st.lists(
            st.fixed_dictionaries({"name": names, "value": names}), max_size=2, unique_by=lambda v: v["name"]
        ),
    },
)
pods = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"labels": texts, "finalizers": st.lists(names, unique=True, max_size=3)}
        ),
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "containers": st.lists(container_items, max_size=3, unique_by=lambda c: c["name"]),
                "nodeSelector": texts,
                "volumes": st.lists(
                    st.fixed_dictionaries(
                        {"name": names},
                        optional={
                            "emptyDir": st.just({}),
                            "hostPath": st.fixed_dictionaries({"path": names}),
                        },
                    ),
                    max_size=2,
                    unique_by=lambda v: v["name"],
                ),
            },
        ),
    },
)


def holds(live, wanted):
    """Tell whether everything that is wanted is there (lists: their items, by name, in order)."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(key in live and holds(live[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        rest = iter(live)
        return all(any(holds(item, value) for item in rest) for value in wanted)
    return live == wanted


@given(pods, pods, pods)
def test_whatever_was_there_the_wanted_is_there_after_applying(last, wanted, live):
    patched = strategic_merge_patch(POD, live, three_way_patch(POD, last, wanted, live))

    assert holds(patched, wanted)


@given(pods, pods, pods)
def test_applying_again_does_nothing(last, wanted, live):
    patched = strategic_merge_patch(POD, live, three_way_patch(POD, last, wanted, live))

    assert three_way_patch(POD, wanted, wanted, patched) == {}


@given(pods, pods)
def test_what_was_applied_and_is_no_longer_wanted_is_gone(last, wanted):
    patched = strategic_merge_patch(POD, last, three_way_patch(POD, last, wanted, last))

    assert patched == wanted
