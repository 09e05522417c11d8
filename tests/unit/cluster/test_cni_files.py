"""A user's CNI configuration and its plugins, from the machine into nodes."""

import json

import pytest

from netemu.cluster.cni_files import install_cni, read_cni
from netemu.cluster.world import plan_world
from netemu.cni.config import CniConfigError
from netemu.settings import Settings

BRIDGE = {"type": "bridge", "ipam": {"type": "host-local", "ranges": [[{"subnet": "{{.PodCIDR}}"}]]}}
SECOND = plan_world(Settings(name="c")).nodes[1]


@pytest.fixture
def configuration(tmp_path):
    """Write a configuration of some plugins."""

    def write(*plugins, name="10-mine.conflist"):
        file = tmp_path / name
        file.write_text(json.dumps({"cniVersion": "1.0.0", "name": "mine", "plugins": plugins}))
        return file

    return write


@pytest.fixture
def machine(tmp_path):
    """A directory of the machine that has plugins."""
    directory = tmp_path / "usr/lib/cni"
    directory.mkdir(parents=True)
    for name in ("bridge", "host-local", "portmap"):
        (directory / name).write_text(name)
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def state(tmp_path):
    """What a node keeps, as a new one has it."""
    for name in ("etc/cni/net.d", "opt/cni/bin"):
        (tmp_path / "node" / name).mkdir(parents=True)
    return tmp_path / "node"


def test_plugins_and_those_that_they_ask_themselves_are_found(configuration, machine):
    files = read_cni(configuration(BRIDGE, {"type": "portmap"}, {"type": "netemu-ipam"}), [machine])

    assert files.plugins == tuple(machine / name for name in ("bridge", "host-local", "portmap"))


@pytest.mark.parametrize("place", [".", "bin"])
def test_plugins_beside_the_configuration_go_before_the_machines(configuration, machine, tmp_path, place):
    own = tmp_path / place / "bridge"
    own.parent.mkdir(exist_ok=True)
    own.write_text("own")

    assert read_cni(configuration({"type": "bridge"}), [machine]).plugins == (own,)


def test_a_plugin_that_is_nowhere_is_named_with_where_it_was_looked_for(configuration, machine):
    with pytest.raises(CniConfigError, match=f"there is no plugin 'flannel' in .*{machine}") as refused:
        read_cni(configuration({"type": "flannel"}), [machine])

    assert "containernetworking-plugins" in refused.value.hint


def test_a_node_gets_the_configuration_with_its_own_range_and_the_plugins(configuration, machine, state):
    written = install_cni(read_cni(configuration(BRIDGE), [machine]), SECOND, state)

    assert written == state / "etc/cni/net.d/10-mine.conflist"
    assert json.loads(written.read_text())["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert {each.name for each in (state / "opt/cni/bin").iterdir()} == {"bridge", "host-local"}
    assert (state / "opt/cni/bin/bridge").stat().st_mode & 0o111


def test_a_plugin_that_a_node_has_stays(configuration, machine, state):
    (state / "opt/cni/bin/bridge").write_text("the node's")

    install_cni(read_cni(configuration(BRIDGE), [machine]), SECOND, state)

    assert (state / "opt/cni/bin/bridge").read_text() == "the node's"


def test_a_configuration_of_any_name_gets_one_that_agents_read(configuration, machine, state):
    files = read_cni(configuration({"type": "bridge"}, name="mine.txt"), [machine])

    assert install_cni(files, SECOND, state).name == "mine.txt.conflist"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ('{"name": "x", "plugins": []}', "cniVersion"),
        ('{"cniVersion": "1.0.0", "name": "x", "plugins": [{}]}', "type"),
    ],
)
def test_what_is_no_configuration_is_told_with_its_file(tmp_path, text, words):
    file = tmp_path / "bad.conflist"
    file.write_text(text)

    with pytest.raises(CniConfigError, match=rf"bad\.conflist.*{words}"):
        read_cni(file)
