"""Kernel tests run where they can hurt nobody, and leave nothing behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cni_plugins.node import Node
from netemu.cluster.down import delete_cgroups
from netemu.cluster.record import Record
from netemu.image.store import ImageStore
from netemu.linux import netns, process
from netemu.linux.netlink import Netlink
from netemu.runtime.client import ShimClient
from netemu.runtime.container import ContainerSpec, ImageFiles
from netemu.testing.images import busybox_layer, docker_archive
from netemu.testing.shims import connect, eventually_equal, processes

ROOT = Path(__file__).resolve().parents[2]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse to run outside of the private namespaces: a skipped kernel test proves nothing."""
    del session
    links = [name for _, name in socket.if_nameindex()]
    if links != ["lo"] or os.environ.get("NETEMU_PRIVATE_NAMESPACE") != "1" or os.geteuid() != 0:
        pytest.exit(
            f"needs private namespaces of its own (found links {links}): run scripts/test-integration",
            returncode=1,
        )


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fail a test that leaves a namespace's name or a link behind."""
    before = _everything()
    yield
    assert _everything() == before, "the test left namespaces or links behind"


@pytest.fixture
def node(nothing_leaks: None) -> Iterator[str]:
    """A namespace that plays a node; control groups are named like it, and seen by other runs."""
    yield from _named(f"t-node-{uuid4().hex[:8]}")


@pytest.fixture
def first_pod(nothing_leaks: None) -> Iterator[str]:
    """A namespace that plays a pod."""
    yield from _named("t-pod-1")


@pytest.fixture
def second_pod(nothing_leaks: None) -> Iterator[str]:
    """Another namespace that plays a pod."""
    yield from _named("t-pod-2")


@pytest.fixture
def node_fd(node: str) -> Iterator[int]:
    """The node's namespace, open."""
    with netns.opened(node) as fd:
        yield fd


@pytest.fixture
def pod_fd(first_pod: str) -> Iterator[int]:
    """The first pod's namespace, open."""
    with netns.opened(first_pod) as fd:
        yield fd


@pytest.fixture
def node_link(node_fd: int) -> Iterator[Netlink]:
    """A netlink socket in the node."""
    with Netlink.open(node_fd) as netlink:
        yield netlink


def _named(name: str) -> Iterator[str]:
    netns.create(name)
    yield name
    netns.delete(name)


def _everything() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    files = Path("/run/netns")
    names = frozenset(path.name for path in files.iterdir()) if files.exists() else frozenset()
    return netns.list_names(), names, frozenset(name for _, name in socket.if_nameindex())


class CniNode:
    """A node on which plugins run: as programs inside its namespace, or as functions."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self.bin = root / "opt/cni/bin"
        self.bin.mkdir(parents=True)
        for plugin in ("bridge", "ipam", "portmap"):
            self._install(plugin)

    def _install(self, plugin: str) -> None:
        """Write what an installed console script is: the interpreter and a call of ``main``."""
        path = self.bin / f"netemu-{plugin}"
        code = (
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom cni_plugins.{plugin} import main\nmain()\n"
        )
        path.write_text(f"#!{sys.executable} -I\n{code}")
        path.chmod(0o755)

    def run_program(self, plugin: str, environ: Mapping[str, str], config: object) -> tuple[int, object]:
        """Run a plugin as a person would: environment variables, configuration on standard input."""
        done = process.run(
            ["ip", "netns", "exec", self.name, str(self.bin / f"netemu-{plugin}")],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CNI_PATH": str(self.bin), **environ},
            timeout_s=20,
            stdin=json.dumps(config).encode(),
        )
        assert done.stderr == b"", done.stderr.decode()
        return done.exit_code, json.loads(done.stdout) if done.stdout else None


@pytest.fixture
def cni_node(node: str, tmp_path: Path) -> CniNode:
    """A node with netemu's plugins in its /opt/cni/bin."""
    return CniNode(node, tmp_path)


@pytest.fixture
def open_node(cni_node: CniNode) -> Iterator[Node]:
    """The same node, opened for plugins that run in this process."""
    opened = Node.open(Path("/run/netns") / cni_node.name, cni_node.root)
    yield opened
    opened.close()


@pytest.fixture
def places() -> Iterator[Path]:
    """Directories as a cluster has them; below /run, which is masked in a node."""
    root = Path("/run/netemu-test")
    (root / "run/nodes/node-1").mkdir(parents=True)
    (root / "state/nodes/node-1").mkdir(parents=True)
    yield root
    subprocess.run(["rm", "-rf", str(root)], check=True)


@pytest.fixture
def shim(places: Path, node: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node's shim, and the proof that nothing outlives it."""
    before = processes()
    run = places / "run/nodes/node-1"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "netemu.runtime.server", "--node", "node-1", "--hostname", "node-1"),
            *("--netns", node, "--netns-dir", "/run/netns", "--run", str(run)),
            *("--state", str(places / "state/nodes/node-1"), "--cluster-run", str(places / "run")),
        ]
    )
    yield process
    process.kill()
    process.wait()
    assert eventually_equal(processes, before), "processes outlived the shim"
    delete_cgroups(Record(places / "run"))


@pytest.fixture
async def client(shim: subprocess.Popen[bytes], places: Path) -> AsyncIterator[ShimClient]:
    connection = await connect(places)
    yield connection
    await connection.close()


@pytest.fixture
def spec(places: Path, first_pod: str) -> Callable[..., ContainerSpec]:
    """Give a spec of a container that runs a shell script."""

    def make(script: str = "exec sleep 1000", **fields: object) -> ContainerSpec:
        defaults = {
            "id": "c1",
            "netns": first_pod,
            "argv": ("sh", "-c", script),
            "log_path": str(places / "state/nodes/node-1/var/log/pods/p/c/0.log"),
            "hostname": "web-1",
        }
        return ContainerSpec(**{**defaults, **fields})

    return make


@pytest.fixture
def image(places: Path, tmp_path: Path) -> dict[str, ImageFiles]:
    """Give an image whose user is nobody in particular, as fields of a container."""
    docker_archive(tmp_path / "box.tar", [busybox_layer()], tags=["box:v1"])
    store = ImageStore(places / "state/images")
    (loaded,) = store.load(tmp_path / "box.tar")
    own = places / "state/nodes/node-1/pods/p/own"
    return {"image": ImageFiles(root=str(store.root(loaded)), scratch=str(own), name="box", id="sha256:1")}


@pytest.fixture(params=["machine", "image"])
def made_of(request: pytest.FixtureRequest) -> Any:
    """Give the fields of a container that is made of the machine's programs, or of an image's."""
    return request.getfixturevalue("image") if request.param == "image" else {}
