"""Profiles of containers, and what they ask for that is not to be had."""

from __future__ import annotations

import pytest

from netemu.agent.environment import ConfigError
from netemu.agent.profiles import ProfileError, check_profile, not_had, seccomp_type
from netemu.agent.security import security_of

DEFAULT = {"seccompProfile": {"type": "RuntimeDefault"}}
UNCONFINED = {"seccompProfile": {"type": "Unconfined"}}
LOCALHOST = {"seccompProfile": {"type": "Localhost", "localhostProfile": "audit.json"}}


def pod(own, of_pod=None):
    container = {"name": "app", "securityContext": own}
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
        "spec": {"securityContext": of_pod or {}, "containers": [container]},
    }, container


@pytest.mark.parametrize(
    ("own", "of_pod", "wanted"),
    [
        pytest.param({}, {}, "Unconfined", id="nothing-said"),
        pytest.param(DEFAULT, {}, "RuntimeDefault", id="its-own"),
        pytest.param({}, DEFAULT, "RuntimeDefault", id="its-pods"),
        pytest.param(UNCONFINED, DEFAULT, "Unconfined", id="its-own-goes-first"),
        pytest.param({"privileged": True}, DEFAULT, "Unconfined", id="privileged"),
    ],
)
def test_a_container_has_a_profile(own, of_pod, wanted):
    assert seccomp_type(*pod(own, of_pod)) == wanted


@pytest.mark.parametrize(
    ("own", "default", "filtered"),
    [(DEFAULT, False, True), ({}, False, False), ({}, True, True), (UNCONFINED, True, False)],
)
def test_nodes_can_filter_the_calls_of_those_who_say_nothing(own, default, filtered):
    assert security_of(*pod(own), seccomp_default=default).seccomp is filtered


def test_a_nodes_own_profile_must_be_there(tmp_path):
    words = 'cannot load seccomp profile "/var/lib/kubelet/seccomp/audit.json": open .*: no such file'
    with pytest.raises(ProfileError, match=words) as refused:
        check_profile(*pod(LOCALHOST), tmp_path)
    assert refused.value.reason == "CreateContainerError"
    (tmp_path / "var/lib/kubelet/seccomp").mkdir(parents=True)
    (tmp_path / "var/lib/kubelet/seccomp/audit.json").write_text("{}")
    check_profile(*pod(LOCALHOST), tmp_path)

    assert [reason for reason, _ in not_had(*pod(LOCALHOST), has_users=False)] == ["SeccompProfileNotApplied"]


def test_a_nodes_own_profile_has_a_name(tmp_path):
    with pytest.raises(ConfigError, match="localhostProfile must be set"):
        check_profile(*pod({"seccompProfile": {"type": "Localhost"}}), tmp_path)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (["NET_ADMIN"], []),
        (["ALL"], ["ALL (here: the default capabilities, IPC_LOCK, IPC_OWNER, LEASE, NET_ADMIN,"]),
        (["CAP_SYS_ADMIN", "sys_ptrace", "CHOWN"], ["CAP_SYS_ADMIN, SYS_PTRACE: not given, for"]),
    ],
)
def test_capabilities_that_reach_the_machine_are_told_of(added, told):
    said = [message for _, message in not_had(*pod({"capabilities": {"add": added}}), has_users=False)]

    assert [message[: len(words)] for message, words in zip(said, told, strict=True)] == told


@pytest.mark.parametrize(
    ("own", "gains"), [({}, True), ({"allowPrivilegeEscalation": False}, False), ({"privileged": True}, True)]
)
def test_privileges_may_be_gained_unless_that_is_forbidden(own, gains):
    assert security_of(*pod(own)).gains_privileges is gains
