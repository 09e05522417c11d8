from __future__ import annotations

import pytest

from netemu.agent.environment import ConfigError
from netemu.agent.security import (
    NODES_PROCESSES,
    UNPRIVILEGED,
    check_not_root,
    find_forbidden_sysctl,
    fs_user,
    network_sysctls_of,
    security_of,
    sysctls_of,
)
from netemu.runtime.container import Limits, User
from netemu.runtime.sandbox import BEYOND, CAPABILITIES


def pod(own=None, of_pod=None, limits=None, **spec):
    container = {"name": "app", "securityContext": own or {}, "resources": {"limits": limits or {}}}
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
        "spec": {"containers": [container], "securityContext": of_pod or {}, **spec},
    }


def security(*args, **more):
    obj = pod(*args, **more)
    return security_of(obj, obj["spec"]["containers"][0])


@pytest.mark.parametrize(
    ("own", "of_pod", "user"),
    [
        pytest.param({}, {}, User(), id="root"),
        pytest.param({"runAsUser": 7}, {}, User(uid=7), id="a-user-of-root's-group"),
        pytest.param({"runAsUser": 33}, {}, User(uid=33, gid=33), id="a-user-that-passwd-knows"),
        pytest.param({}, {"runAsUser": 7, "runAsGroup": 8}, User(uid=7, gid=8), id="the-pod's"),
        pytest.param({"runAsUser": 0}, {"runAsUser": 7}, User(), id="its-own-before-the-pod's"),
        pytest.param(
            {},
            {"supplementalGroups": [4, 5], "fsGroup": 5},
            User(groups=(4, 5)),
            id="more-groups",
        ),
    ],
)
def test_a_container_runs_as_the_user_that_it_or_its_pod_says(own, of_pod, user):
    assert security(own, of_pod).user == user


@pytest.mark.parametrize(
    ("own", "of_pod", "words"),
    [
        ({}, {"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, {}, "container's runAsUser breaks non-root policy"),
    ],
)
def test_a_container_that_must_not_be_root_and_would_be_is_refused_in_kubelets_words(own, of_pod, words):
    obj = pod(own, of_pod)

    with pytest.raises(ConfigError) as refused:
        check_not_root(obj, obj["spec"]["containers"][0])
    assert refused.value.message == f'{words} (pod: "web_default(u1)", container: app)'


@pytest.mark.parametrize(
    ("own", "image_uid"),
    [({"runAsNonRoot": True}, 65535), ({"runAsNonRoot": True, "runAsUser": 1}, 0), ({}, 0)],
)
def test_a_container_that_is_not_root_or_may_be_is_let_through(own, image_uid):
    obj = pod(own)

    check_not_root(obj, obj["spec"]["containers"][0], image_uid=image_uid)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param({}, None, id="default"),
        pytest.param({"drop": ["ALL"]}, (), id="none"),
        pytest.param({"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}, ("net_bind_service",), id="one-alone"),
        pytest.param({"add": ["CAP_NET_ADMIN"]}, (*CAPABILITIES, "net_admin"), id="one-more"),
        pytest.param({"add": ["SYS_ADMIN", "BPF"]}, CAPABILITIES, id="none-that-reach-the-machine"),
        pytest.param({"add": ["ALL"]}, (*CAPABILITIES, *BEYOND), id="all"),
        pytest.param({"drop": ["net_raw"]}, tuple(c for c in CAPABILITIES if c != "net_raw"), id="one-less"),
    ],
)
def test_capabilities_are_added_to_and_dropped_from_the_default(asked, given):
    assert security({"capabilities": asked}).capabilities == given


def test_a_privileged_container_has_all_that_can_be_given_and_writes_its_networks_sysctls():
    made = security({"privileged": True})

    assert made.capabilities == (*CAPABILITIES, *BEYOND)
    assert made.writes_sysctls


def test_pods_with_the_nodes_processes_see_each_other():
    assert security(hostPID=True).processes == NODES_PROCESSES


def test_containers_of_a_pod_share_processes_by_its_uid():
    assert security(shareProcessNamespace=True).processes == "shared:u1"


def test_limits_are_read_in_cores_and_bytes():
    made = security(limits={"cpu": "250m", "memory": "64Mi", "ephemeral-storage": "1Mi"})

    assert made.limits == Limits(cpus=0.25, memory_bytes=64 << 20, disk_bytes=1 << 20)


def test_users_may_ping_and_listen_anywhere_unless_the_pod_says_otherwise_or_is_on_the_nodes_network():
    explicit = {"sysctls": [{"name": "net/ipv4/ping_group_range", "value": "1 0"}]}

    assert security().sysctls == UNPRIVILEGED
    assert set(security(of_pod=explicit).sysctls) == {"net.ipv4.ip_unprivileged_port_start"}
    assert sysctls_of(pod(of_pod=explicit)) == {"net.ipv4.ping_group_range": "1 0"}
    assert security(hostNetwork=True).sysctls == {}


def test_sysctls_of_the_kernel_belong_to_each_container():
    explicit = {"sysctls": [{"name": "kernel/shm_rmid_forced", "value": "1"}]}

    assert security(of_pod=explicit).sysctls["kernel.shm_rmid_forced"] == "1"
    assert network_sysctls_of(pod(of_pod=explicit)) == {}


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        ("net.ipv4.tcp_rmem", {}, ""),
        ("net/ipv4/tcp_keepalive_time", {}, ""),
        ("net.core.somaxconn", {}, 'forbidden sysctl: "net.core.somaxconn" not allowlisted'),
        ("kernel.shm_rmid_forced", {}, ""),
        (
            "kernel.shm_rmid_forced",
            {"hostIPC": True},
            'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
        ),
        ("kernel.msgmax", {}, 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
        (
            "net.ipv4.tcp_syncookies",
            {"hostNetwork": True},
            'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
        ),
    ],
)
def test_sysctls_that_are_safe_are_allowed_and_others_are_not(name, spec, words):
    obj = pod(of_pod={"sysctls": [{"name": name, "value": "1"}]}, **spec)

    assert find_forbidden_sysctl(obj) == words


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        ("net.core.somaxconn", {}, ""),
        ("kernel.msgmax", {}, ""),
        ("kernel.sem", {}, 'forbidden sysctl: "kernel.sem" not allowlisted'),
        (
            "net.core.somaxconn",
            {"hostNetwork": True},
            'forbidden sysctl: "net.core.somaxconn" not allowed with host net enabled',
        ),
    ],
)
def test_a_node_can_allow_sysctls_that_are_not_safe(name, spec, words):
    obj = pod(of_pod={"sysctls": [{"name": name, "value": "1"}]}, **spec)

    assert find_forbidden_sysctl(obj, ["net.*", "kernel/msgmax"]) == words


@pytest.mark.parametrize(
    ("uids", "whose"), [pytest.param((7, 7), 7, id="same"), pytest.param((7, 8), None, id="not-the-same")]
)
def test_tokens_belong_to_the_user_that_all_containers_run_as(uids, whose):
    containers = [{"name": str(at), "securityContext": {"runAsUser": uid}} for at, uid in enumerate(uids)]

    assert fs_user({"spec": {"containers": containers}}) == whose
