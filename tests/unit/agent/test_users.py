"""Which pods have users of their own, and what their containers may then."""

from __future__ import annotations

import pytest

from netemu.agent.security import security_of
from netemu.agent.users import first_id_of, wants_users
from netemu.runtime.sandbox import BEYOND, CAPABILITIES
from netemu.runtime.syscalls import CAPABILITY_NAMES

PRIVILEGED = {"privileged": True}


def pod(context=None, *, uid="u1", group="containers", **spec):
    container = {"name": "app", **({"securityContext": context} if context else {})}
    return {"metadata": {"uid": uid}, "spec": {"containers": [], **spec, group: [container]}}


def adding(*names):
    return {"capabilities": {"add": list(names)}}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        pytest.param(pod(), False, id="nothing"),
        pytest.param(pod(adding("NET_ADMIN", "CAP_NET_RAW")), False, id="what-any-container-may-have"),
        pytest.param(pod(adding("CAP_SYS_ADMIN")), True, id="more"),
        pytest.param(pod(adding("ALL")), True, id="all"),
        pytest.param(pod(PRIVILEGED), True, id="privileged"),
        pytest.param(pod(PRIVILEGED, group="initContainers"), True, id="privileged-to-prepare"),
        pytest.param(pod(PRIVILEGED, group="ephemeralContainers"), False, id="privileged-later"),
        pytest.param(pod(PRIVILEGED, hostNetwork=True), False, id="on-the-nodes-network"),
        pytest.param(pod(PRIVILEGED, hostPID=True), False, id="among-the-nodes-processes"),
        pytest.param(pod(PRIVILEGED, hostUsers=True), False, id="refused"),
        pytest.param(pod(hostUsers=False), True, id="asked-for"),
    ],
)
def test_pods_have_users_of_their_own_that_ask_for_them_or_for_what_needs_them(asked, wanted):
    assert wants_users(asked) is wanted


def test_users_of_a_pod_are_always_the_same_and_those_of_others_different():
    numbers = {first_id_of(pod(uid=f"u{number}")) for number in range(50)}

    assert first_id_of(pod()) == first_id_of(pod())
    assert len(numbers) == 50
    assert all(number % 65536 == 0 and 65536 <= number < 2**31 for number in numbers)


@pytest.mark.parametrize(
    ("first_id", "everything"), [(65536, CAPABILITY_NAMES), (0, (*CAPABILITIES, *BEYOND))]
)
def test_everything_is_more_where_it_reaches_nothing_else(first_id, everything):
    made = pod(PRIVILEGED)
    (container,) = made["spec"]["containers"]

    assert security_of(made, container, first_id=first_id).capabilities == tuple(everything)


def test_what_is_asked_for_is_given_where_it_reaches_nothing_else():
    made = pod(adding("SYS_ADMIN"))
    (container,) = made["spec"]["containers"]

    assert set(security_of(made, container, first_id=65536).capabilities) == {*CAPABILITIES, "sys_admin"}
    assert set(security_of(made, container).capabilities) == set(CAPABILITIES)
