"""What an agent tells its shim of containers, and what it says when they cannot be started."""

import pytest

from netemu.runtime.container import Limits, User
from netemu.runtime.errors import ControlError
from netemu.testing.agent_world import World
from netemu.testing.eventually import eventually

COMMAND = {"command": ["sleep", "1"]}


def waits(status):
    return "waiting" in status.get("state", {})


async def test_the_shim_is_told_what_a_container_may(tmp_path):
    own = {"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    limits = {"limits": {"memory": "1Mi"}}
    world = World(tmp_path)
    async with world.running():
        await world.create(
            container={**COMMAND, "securityContext": own, "resources": limits},
            securityContext={"runAsUser": 7, "sysctls": [{"name": "net.ipv4.tcp_fin_timeout", "value": "9"}]},
            shareProcessNamespace=True,
        )
        pod = await world.until_ready()
        (spec,) = world.shim.specs.values()

    assert (spec.user, spec.capabilities, spec.read_only) == (User(uid=7), (), True)
    assert spec.limits == Limits(memory_bytes=1 << 20)
    assert spec.processes == f"shared:{pod['metadata']['uid']}"
    assert list(world.shim.sysctls.values()) == [{"net.ipv4.tcp_fin_timeout": "9"}]


async def test_sysctls_are_set_for_pods_without_a_process_too(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(securityContext={"sysctls": [{"name": "net.ipv4.tcp_fin_timeout", "value": "9"}]})
        await world.until_ready()

    assert list(world.shim.sysctls.values()) == [{"net.ipv4.tcp_fin_timeout": "9"}]


@pytest.mark.parametrize("container", [{}, COMMAND], ids=["stand-in", "process"])
async def test_a_container_that_must_not_be_root_is_a_config_error(tmp_path, container):
    world = World(tmp_path)
    async with world.running():
        await world.create(container={**container, "securityContext": {"runAsNonRoot": True}})
        status = await eventually(world.container, waits)

    assert status["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    assert "image will run as root" in status["state"]["waiting"]["message"]
    assert not world.shim.containers


@pytest.mark.parametrize("container", [{}, COMMAND], ids=["stand-in", "process"])
async def test_a_mount_that_leads_out_of_its_volume_is_a_config_error(tmp_path, container):
    world = World(tmp_path)
    mount = {"name": "data", "mountPath": "/data", "subPathExpr": "$(WHERE)"}
    leaving = {"volumeMounts": [mount], "env": [{"name": "WHERE", "value": "/tmp"}]}
    async with world.running():
        await world.create(container={**container, **leaving}, volumes=[{"name": "data", "emptyDir": {}}])
        status = await eventually(world.container, waits)

    assert status["state"]["waiting"] == {
        "reason": "CreateContainerConfigError",
        "message": "error SubPath `/tmp` must not be an absolute path",
    }


async def test_a_sysctl_that_the_kernel_has_not_is_told_and_nothing_runs(tmp_path):
    async def refuse(netns, sysctls):
        raise ControlError(f"write sysctl: open /proc/sys/{next(iter(sysctls))}: No such file or directory")

    world = World(tmp_path)
    world.shim.set_sysctls = refuse
    async with world.running():
        await world.create(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "9"}]})
        status = await eventually(world.container, waits)
        await eventually(lambda: _reasons(world), lambda seen: "FailedCreatePodSandBox" in seen)

    assert status["state"]["waiting"]["reason"] == "ContainerCreating"
    assert not world.standins.apps


async def test_a_pod_with_a_sysctl_of_the_kernel_is_rejected(tmp_path):
    world = World(tmp_path)
    async with world.running():
        await world.create(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "9"}]})
        pod = await eventually(world.pod, lambda obj: obj["status"].get("phase") == "Failed")

    assert pod["status"]["reason"] == "SysctlForbidden"
    assert pod["status"]["message"] == 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted'


async def _reasons(world):
    return world.recorder.reasons()


async def test_a_volume_that_cannot_be_made_is_all_that_is_told_of_a_start(tmp_path):
    world = World(tmp_path)
    mounts = [{"name": "h", "mountPath": "/h"}]
    async with world.running():
        await world.create(
            container={**COMMAND, "volumeMounts": mounts},
            volumes=[{"name": "h", "hostPath": {"path": "/proc"}}],
        )
        await eventually(lambda: _reasons(world), lambda seen: "FailedMount" in seen)

    assert set(world.recorder.reasons()) == {"FailedMount"}


@pytest.mark.parametrize(
    ("image", "place"), [("nginx", "/usr/share/nginx/html"), ("httpd", "/usr/local/apache2/htdocs")]
)
async def test_a_web_server_is_told_of_its_page_in_a_volume(tmp_path, image, place):
    world = World(tmp_path)
    mounts = [{"name": "html", "mountPath": place}]
    async with world.running():
        await world.create(
            image=image,
            container={"volumeMounts": mounts},
            volumes=[{"name": "html", "hostPath": {"path": "/srv/html"}}],
        )
        await world.until_ready()
        (app,) = world.standins.apps.values()

    assert app.page == str(world.paths.node_state("node-1") / "srv/html/index.html")
