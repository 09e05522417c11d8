"""Profiles of containers, and what they ask for that is not to be had."""

from __future__ import annotations

import pytest

from netemu.agent.environment import ConfigError
from netemu.agent.profiles import ProfileError, not_had, read_profile, seccomp_type
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


def test_a_nodes_own_profile_must_be_there_and_readable(tmp_path):
    path = "/var/lib/kubelet/seccomp/audit.json"
    with pytest.raises(
        ProfileError, match=f'cannot load seccomp profile "{path}": open .*: no such file'
    ) as refused:
        read_profile(*pod(LOCALHOST), tmp_path)
    assert refused.value.reason == "CreateContainerError"
    profile = tmp_path / path.lstrip("/")
    profile.parent.mkdir(parents=True)
    profile.write_text("{oops")
    with pytest.raises(ProfileError, match=f'decoding seccomp profile failed "{path}"'):
        read_profile(*pod(LOCALHOST), tmp_path)
    profile.write_text("[" * 100_000)
    with pytest.raises(ProfileError, match="decoding seccomp profile failed"):
        read_profile(*pod(LOCALHOST), tmp_path)
    profile.write_text("{}")

    assert read_profile(*pod(LOCALHOST), tmp_path) == "{}"
    assert read_profile(*pod({}), tmp_path) == ""


def test_a_nodes_profile_is_no_file_of_the_machine(tmp_path):
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "node/var/lib/kubelet/seccomp").mkdir(parents=True)
    (tmp_path / "node/var/lib/kubelet/seccomp/audit.json").symlink_to(tmp_path / "secret")

    with pytest.raises(ProfileError):
        read_profile(*pod(LOCALHOST), tmp_path / "node")


def test_a_nodes_own_profile_filters(tmp_path):
    security = security_of(*pod(LOCALHOST), profile="{}")

    assert (security.seccomp, security.profile) == (True, "{}")


def test_a_nodes_own_profile_has_a_name(tmp_path):
    with pytest.raises(ConfigError, match="localhostProfile must be set"):
        read_profile(*pod({"seccompProfile": {"type": "Localhost"}}), tmp_path)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (["NET_ADMIN"], []),
        (["ALL"], ["ALL (here: the default capabilities, IPC_LOCK, IPC_OWNER, LEASE, NET_ADMIN,"]),
        (["CAP_SYS_ADMIN", "sys_ptrace", "CHOWN"], ["CAP_SYS_ADMIN, SYS_PTRACE: not given, for"]),
    ],
)
def test_capabilities_that_reach_the_machine_are_told_of(added, told):
    said = [
        message
        for _, message in not_had({"securityContext": {"capabilities": {"add": added}}}, has_users=False)
    ]

    assert [message[: len(words)] for message, words in zip(said, told, strict=True)] == told


@pytest.mark.parametrize(
    ("own", "gains"), [({}, True), ({"allowPrivilegeEscalation": False}, False), ({"privileged": True}, True)]
)
def test_privileges_may_be_gained_unless_that_is_forbidden(own, gains):
    assert security_of(*pod(own)).gains_privileges is gains
