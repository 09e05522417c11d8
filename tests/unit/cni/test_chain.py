import pytest

from netemu.cni import chain
from netemu.cni.attachment import Attachment, PortMapping
from netemu.cni.config import parse_config
from netemu.cni.invoke import drive, drive_blocking
from netemu.cni.result import Result
from netemu.errors import NetemuError

NETWORK = parse_config(
    b"""{"cniVersion": "1.0.0", "name": "net", "plugins": [
        {"type": "first", "own": 1},
        {"type": "second", "capabilities": {"portMappings": true}},
        {"type": "third"}]}""",
    "x",
)
POD = Attachment(
    container_id="c1",
    netns="/run/netns/x",
    pod_namespace="default",
    pod_name="web",
    pod_uid="u1",
    port_mappings=(PortMapping(host_port=8080, container_port=80, protocol="TCP"),),
)


class Plugins:
    """Plugins that note their calls and answer with their name; some of them fail."""

    def __init__(self, *failing: tuple[str, str]) -> None:
        self.calls = []
        self._failing = failing

    def call(self, call):
        self.calls.append(call)
        if (call.command, call.plugin) in self._failing:
            raise NetemuError(f"{call.plugin} cannot {call.command}")
        return {"by": call.plugin}

    @property
    def order(self):
        return [(call.command, call.plugin) for call in self.calls]


def test_each_plugin_gets_the_result_of_the_one_before():
    plugins = Plugins()
    result = drive_blocking(plugins, chain.add(NETWORK, POD))

    assert result == {"by": "third"}
    assert [call.config.get("prevResult") for call in plugins.calls] == [
        None,
        {"by": "first"},
        {"by": "second"},
    ]


def test_a_plugin_gets_its_own_keys_the_networks_name_and_what_it_is_capable_of():
    plugins = Plugins()
    drive_blocking(plugins, chain.add(NETWORK, POD))

    first, second, third = (call.config for call in plugins.calls)
    assert first == {"type": "first", "own": 1, "name": "net", "cniVersion": "1.0.0"}
    assert second["runtimeConfig"] == {
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
    }
    assert "runtimeConfig" not in third
    assert "capabilities" not in second


def test_the_pod_is_told_as_the_kubelets_runtimes_do():
    plugins = Plugins()
    drive_blocking(plugins, chain.add(NETWORK, POD))

    assert plugins.calls[0].args == {
        "IgnoreUnknown": "1",
        "K8S_POD_NAMESPACE": "default",
        "K8S_POD_NAME": "web",
        "K8S_POD_INFRA_CONTAINER_ID": "c1",
        "K8S_POD_UID": "u1",
    }


def test_deleting_goes_backwards_with_the_result_of_add():
    plugins = Plugins()
    drive_blocking(plugins, chain.delete(NETWORK, POD, {"by": "third"}))

    assert plugins.order == [("DEL", "third"), ("DEL", "second"), ("DEL", "first")]
    assert {call.config["prevResult"]["by"] for call in plugins.calls} == {"third"}


def test_a_failure_part_way_undoes_what_was_done_and_tells_the_first_reason():
    plugins = Plugins(("ADD", "second"), ("DEL", "second"))

    with pytest.raises(NetemuError, match="second cannot ADD"):
        drive_blocking(plugins, chain.add(NETWORK, POD))
    assert plugins.order == [("ADD", "first"), ("ADD", "second"), ("DEL", "second"), ("DEL", "first")]


def test_a_failure_while_deleting_does_not_keep_the_others_from_it():
    plugins = Plugins(("DEL", "third"))

    with pytest.raises(NetemuError, match="third cannot DEL"):
        drive_blocking(plugins, chain.delete(NETWORK, POD, None))
    assert plugins.order == [("DEL", "third"), ("DEL", "second"), ("DEL", "first")]


def test_checking_goes_forwards():
    plugins = Plugins()
    drive_blocking(plugins, chain.check(NETWORK, POD, Result(raw={"by": "third"})))

    assert plugins.order == [("CHECK", "first"), ("CHECK", "second"), ("CHECK", "third")]


class AwaitedPlugins(Plugins):
    async def call(self, call):
        return super().call(call)


async def test_awaited_plugins_are_run_by_the_same_chain():
    plugins = AwaitedPlugins(("ADD", "third"))

    with pytest.raises(NetemuError, match="third cannot ADD"):
        await drive(plugins, chain.add(NETWORK, POD))
    assert plugins.order[-1] == ("DEL", "first")
