import json

import pytest

from netemu.runtime.oci_config import oci_config

ROOT = {"uid": 0, "gid": 0, "groups": [0]}
SPEC = {
    "argv": ["sh"],
    "hostname": "web-1",
    "env": {"GREETING": "hi"},
    "cwd": "/srv",
    "mounts": [],
    "user": ROOT,
    "read_only": False,
    "writes_sysctls": False,
    "sysctls": {},
    "processes": "",
    "node_ipc": False,
    "ipc": "",
    "seccomp": False,
    "profile": "",
    "gains_privileges": False,
    "first_id": 0,
    "unmasked": False,
    "tty": False,
}


def config(*, user=ROOT, **more):
    options = {name: more.pop(name) for name in ("pid_namespace", "has_tty_group") if name in more}
    made = oci_config(
        {**SPEC, **more},
        root="/bundle/root",
        user=user,
        capabilities=("kill", "net_raw"),
        sysctl_families=["fs", "kernel", "net", "vm"],
        **options,
    )
    return json.loads(json.dumps(made))


def kinds(made):
    return {each["type"]: each.get("path", "") for each in made["linux"]["namespaces"]}


def test_a_process_has_its_capabilities_and_can_gain_none():
    process = config()["process"]

    sets = [process["capabilities"][name] for name in ("bounding", "effective", "permitted")]
    assert sets == [["CAP_KILL", "CAP_NET_RAW"]] * 3
    assert process["noNewPrivileges"]


def test_a_process_has_the_spec_s_environment_with_a_path_and_a_name():
    assert config()["process"]["env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOSTNAME=web-1",
        "GREETING=hi",
    ]


def test_the_image_s_path_goes_before_ours():
    assert "PATH=/mine" in config(env={"PATH": "/mine"})["process"]["env"]


def test_the_network_is_the_caller_s_and_all_else_the_container_s_own():
    assert kinds(config()) == {"mount": "", "uts": "", "ipc": "", "pid": ""}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        pytest.param({"processes": "node"}, {"mount": "", "uts": "", "ipc": ""}, id="the-node's-processes"),
        pytest.param(
            {"processes": "shared:p", "pid_namespace": "/bundle/pid"},
            {"mount": "", "uts": "", "ipc": "", "pid": "/bundle/pid"},
            id="the-pod's-processes",
        ),
        pytest.param({"node_ipc": True}, {"mount": "", "uts": "", "pid": ""}, id="the-node's-ipc"),
    ],
)
def test_namespaces_that_are_shared(fields, wanted):
    assert kinds(config(**fields)) == wanted


def test_sysctls_of_the_kernel_are_the_runtime_s_to_set_and_those_of_the_network_are_not():
    made = config(sysctls={"kernel.shm_rmid_forced": "1", "net.core.somaxconn": "5"})

    assert made["linux"]["sysctl"] == {"kernel.shm_rmid_forced": "1"}


def test_sysctls_are_read_only_but_for_the_network_s_of_who_may_write_them():
    assert "/proc/sys" in config()["linux"]["readonlyPaths"]

    paths = config(writes_sysctls=True)["linux"]["readonlyPaths"]

    assert {"/proc/sys/fs", "/proc/sys/kernel", "/proc/sys/vm"} <= set(paths)
    assert {"/proc/sys", "/proc/sys/net"}.isdisjoint(paths)


def test_volumes_are_mounted_after_the_system_s_own_file_systems():
    mounts = config(mounts=[{"source": "/v", "target": "/data", "read_only": True}])["mounts"]

    assert [each["destination"] for each in mounts[:2]] == ["/proc", "/dev"]
    assert mounts[-1] == {
        "destination": "/data",
        "type": "bind",
        "source": "/v",
        "options": ["rbind", "rprivate", "nodev", "ro"],
    }


@pytest.mark.parametrize(("has_group", "count"), [(True, 1), (False, 0)])
def test_terminals_belong_to_their_group_where_it_exists(has_group, count):
    (pts,) = (each for each in config(has_tty_group=has_group)["mounts"] if each["destination"] == "/dev/pts")

    assert pts["options"].count("gid=5") == count


def test_a_terminal_and_a_read_only_root_are_asked_for():
    made = config(tty=True, read_only=True, user={"uid": 7, "gid": 8, "groups": [8, 9]})

    assert made["process"]["terminal"]
    assert "TERM=xterm" in made["process"]["env"]
    assert made["root"] == {"path": "/bundle/root", "readonly": True}
    assert made["process"]["user"] == {"uid": 7, "gid": 8, "additionalGids": [8, 9]}
