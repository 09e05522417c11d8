"""The runtime of one node with the default configuration, by functions and by programs."""

from collections.abc import Mapping
from ipaddress import IPv4Network

import pytest

from netemu.cni.attachment import Attachment, PortMapping
from netemu.cni.config import DEFAULT_FILE, CniNotReadyError, render_default
from netemu.cni.drivers import CniPluginError, ExecDriver, InProcessDriver
from netemu.cni.invoke import CniRuntime, InProcessRuntime
from netemu.cni.records import Records
from netemu.cni.result import Result
from netemu.errors import MissingProgramError
from netemu.linux import process

SUBNET = IPv4Network("10.244.1.0/24")


@pytest.fixture
def programs(cni_node) -> ExecDriver:
    """Plugins as programs, run inside the node's network namespace."""

    async def run(argv: list[str], env: Mapping[str, str], stdin: bytes) -> tuple[int, bytes, bytes]:
        inside = ["ip", "netns", "exec", cni_node.name, *argv]
        done = process.run(inside, env=env, timeout_s=20, stdin=stdin)
        if b"No such file" in done.stderr:
            raise MissingProgramError(argv[0])
        return tuple(done)

    return ExecDriver(run, str(cni_node.bin))


class BothRuntimes:
    """What a node does: functions for what there are functions for, programs for the rest."""

    def __init__(self, here: InProcessRuntime, programs: CniRuntime, records: Records) -> None:
        self._here = here
        self._programs = programs
        self.attachments = records.list

    async def add(self, pod: Attachment) -> Result:
        return self._here.add(pod) or await self._programs.add(pod)

    async def delete(self, pod: Attachment) -> None:
        self._here.delete(pod) or await self._programs.delete(pod)

    async def check(self, pod: Attachment) -> None:
        self._here.check(pod) or await self._programs.check(pod)


@pytest.fixture
def runtime(cni_node, open_node, programs) -> BothRuntimes:
    net_d, records = cni_node.root / "etc/cni/net.d", Records(cni_node.root / "var/lib/cni/results")
    here = InProcessRuntime(InProcessDriver(open_node), net_d, records)
    return BothRuntimes(here, CniRuntime(programs, net_d, records), records)


@pytest.fixture
def default_config(cni_node):
    directory = cni_node.root / "etc/cni/net.d"
    directory.mkdir(parents=True)
    (directory / DEFAULT_FILE).write_text(render_default([SUBNET], mtu=1450))
    return directory / DEFAULT_FILE


def attachment(pod: str, *ports: PortMapping) -> Attachment:
    return Attachment(
        container_id=pod,
        netns=f"/run/netns/{pod}",
        pod_namespace="default",
        pod_name="web",
        pod_uid="u1",
        port_mappings=ports,
    )


async def test_without_a_configuration_the_words_are_kubernetes_own(runtime, first_pod):
    with pytest.raises(CniNotReadyError, match="cni plugin not initialized"):
        await runtime.add(attachment(first_pod))
    await runtime.delete(attachment(first_pod))


async def test_a_pod_is_wired_and_unwired_with_the_default_configuration(
    runtime, default_config, node_link, first_pod, open_node
):
    result = await runtime.add(attachment(first_pod, PortMapping(host_port=8080, container_port=80)))
    await runtime.check(attachment(first_pod))
    assert result.pod_ips == ("10.244.1.2",)
    assert "10.244.1.2 . 80" in open_node.nft.run("list map ip netemu-hostport ports")
    assert [record.attachment.container_id for record in runtime.attachments()] == [first_pod]

    for _ in range(2):
        await runtime.delete(attachment(first_pod))
    assert {link.name for link in node_link.dump_links()} == {"lo", "cni0"}
    assert "10.244.1.2" not in open_node.nft.run("list table ip netemu-hostport")
    assert runtime.attachments() == ()


async def test_a_pod_is_unwired_after_its_configuration_was_removed(
    runtime, default_config, node_link, first_pod
):
    await runtime.add(attachment(first_pod))
    default_config.unlink()

    await runtime.delete(attachment(first_pod))

    assert {link.name for link in node_link.dump_links()} == {"lo", "cni0"}


async def test_a_configuration_of_other_plugins_is_run_as_programs(
    cni_node, runtime, default_config, first_pod
):
    (cni_node.bin / "custom").symlink_to("netemu-bridge")
    text = (
        default_config.read_text()
        .replace('"netemu-bridge"', '"custom"')
        .replace('"netemu-ipam"', f'"netemu-ipam", "dataDir": "{cni_node.root}/leases"')
    )
    default_config.write_text(text)

    result = await runtime.add(attachment(first_pod))
    await runtime.delete(attachment(first_pod))

    assert result.pod_ips == ("10.244.1.2",)


async def test_a_plugin_that_is_not_installed_is_named_with_its_directory(runtime, default_config, first_pod):
    default_config.write_text('{"cniVersion": "1.0.0", "name": "x", "type": "calico"}')

    with pytest.raises(CniPluginError, match=r'failed to find plugin "calico" in path \[.*/opt/cni/bin\]'):
        await runtime.add(attachment(first_pod))


async def test_a_failure_part_way_undoes_what_was_done(runtime, default_config, node_link, first_pod):
    bad = PortMapping(host_port=70000, container_port=80)
    with pytest.raises(CniPluginError, match=r'plugin type="netemu-portmap" failed \(add\)'):
        await runtime.add(attachment(first_pod, bad))

    assert {link.name for link in node_link.dump_links()} == {"lo", "cni0"}
    assert runtime.attachments() == ()
