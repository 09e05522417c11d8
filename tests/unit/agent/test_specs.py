from pathlib import Path

import pytest

from netemu.agent.ports import Sandbox
from netemu.agent.security import security_of
from netemu.agent.specs import (
    Attempt,
    MachineFiles,
    Site,
    app_spec,
    container_spec,
    find_container,
    worker_spec,
)
from netemu.api.errors import NotFoundError
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.naming import NodeName
from netemu.runtime.container import Mount, Port
from netemu.settings import Paths, Settings
from netemu.standin.catalogue import Play

SANDBOX = Sandbox(uid="u1", namespace="default", name="web", netns="ne-t-1", addresses=("10.244.1.3",))
MACHINE = MachineFiles(hosts="127.0.0.1 machine\n", resolv_conf="nameserver 192.0.2.1\n")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        node=NodeName("node-1"),
        node_ips=("172.30.0.11",),
        settings=Settings(),
        paths=Paths(run=tmp_path / "run", state=tmp_path / "state"),
    )


def pod_object(**spec: object) -> dict:
    containers = [{"name": "app", "image": "x", "args": ["--port=$(PORT)"], "workingDir": "/srv"}]
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "u1"},
        "spec": {"containers": containers, "nodeName": "node-1", **spec},
    }


def attempt(obj: dict, **variables: str) -> Attempt:
    pod = view(Pod, obj)
    container, raw = find_container(pod, obj, "app")
    return Attempt(pod=pod, container=container, raw=raw, id="u1_app_0", sandbox=SANDBOX, variables=variables)


@pytest.mark.parametrize("group", ["initContainers", "ephemeralContainers"])
def test_containers_of_every_sort_are_found_by_name(group: str) -> None:
    obj = pod_object(**{group: [{"name": "other", "image": "y"}]})

    container, raw = find_container(view(Pod, obj), obj, "other")

    assert (container.image, raw["image"]) == ("y", "y")


def test_an_unknown_container_is_refused_in_kubernetes_words() -> None:
    obj = pod_object()

    with pytest.raises(NotFoundError, match="container none is not valid for pod web"):
        find_container(view(Pod, obj), obj, "none")


def test_a_stand_in_is_told_its_arguments_with_variables_in_them(site: Site) -> None:
    spec = app_spec(site, attempt(pod_object(), PORT="80"), Play(app="http", args=("-p", "$(PORT)")), MACHINE)

    assert (spec.args, spec.env, spec.pod_ip) == (("-p", "80"), {"PORT": "80"}, "10.244.1.3")
    assert "10.244.1.3\tweb" in spec.hosts
    assert "nameserver 10.96.0.10" in spec.resolv_conf


def test_a_pod_on_the_host_network_has_its_nodes_name_and_the_machines_hosts(site: Site) -> None:
    spec = app_spec(site, attempt(pod_object(hostNetwork=True)), Play(app="pause"), MACHINE)

    assert spec.hostname == "node-1"
    assert "127.0.0.1 machine" in spec.hosts


def test_a_stand_in_on_the_host_network_takes_no_port_that_nobody_asked_for(site: Site) -> None:
    asked, implied = Port(number=81), Port(number=80, implied=True)
    play = Play(app="pause", ports=(asked, implied))

    assert app_spec(site, attempt(pod_object(hostNetwork=True)), play, MACHINE).ports == (asked,)
    assert app_spec(site, attempt(pod_object()), play, MACHINE).ports == (asked, implied)


def test_a_command_has_the_pods_own_files_before_its_volumes(site: Site) -> None:
    volume, obj = Mount(source="/v", target="/data"), pod_object()

    spec = container_spec(
        site, attempt(obj), ("sh",), security_of(obj, obj["spec"]["containers"][0]), (volume,)
    )

    assert [mount.target for mount in spec.mounts] == [
        "/etc/hostname",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/data",
    ]
    assert (spec.cwd, spec.hostname, spec.sandboxed) == ("/srv", "web", True)


def test_an_attempts_log_is_named_after_pod_container_and_attempt(site: Site) -> None:
    spec = worker_spec(site, attempt(pod_object()), ("worker",))

    assert spec.log_path.endswith("default_web_u1/app/0.log")
    assert not spec.sandboxed
