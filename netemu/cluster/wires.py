"""[IO] The wires of pods: namespaces that are recorded, and wired by netemu's own plugins. It blocks.

All of it runs in one thread that is not the daemon's (``hands.py``) and asks for it over a socket
(``wirer.py``): so the kernel works on one processor while the daemon thinks on another.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec

from cni_plugins.node import Node
from netemu.cluster.podnetns import WiredNetns, ensure_netns, remove_netns
from netemu.cluster.record import Record
from netemu.cluster.wirer import NodeWiring, Request
from netemu.cni.attachment import Attachment
from netemu.cni.drivers import InProcessDriver
from netemu.cni.invoke import InProcessRuntime
from netemu.cni.records import Records
from netemu.errors import NetemuError
from netemu.logs import Log
from netemu.runtime.framing import Decoder, encode
from netemu.settings import Paths

log = Log(__name__)

_READ_BYTES = 1 << 16


class Wires:
    """The wires of one node's pods, made in the calling thread."""

    def __init__(self, node: NodeWiring, paths: Paths, record: Record) -> None:
        self._name = node.name
        self._record = record
        state = paths.node_state(node.name)
        self._node = Node.open(paths.netns / node.netns, state)
        records = WiredNetns(node.name, record, Records(state / "var/lib/cni/results"))
        self._runtime = InProcessRuntime(InProcessDriver(self._node), state / "etc/cni/net.d", records)

    def attach(self, attachment: Attachment) -> tuple[str, ...] | None:
        """Make a pod's namespace and wire it; idempotent.

        Returns:
            The pod's addresses; ``None`` if the node's CNI needs programs, then there is the namespace.

        """
        ensure_netns(attachment, self._name, self._record)
        result = self._runtime.add(attachment)
        return None if result is None else result.pod_ips

    def detach(self, attachment: Attachment) -> bool:
        """Undo ``attach``; idempotent. False, and nothing is done, if that needs programs."""
        if not self._runtime.delete(attachment):
            return False
        remove_netns(Path(attachment.netns), self._record)
        return True

    def close(self) -> None:
        """Close descriptors; the kernel's objects stay."""
        self._node.close()


class Workshop:
    """The wires of all nodes; those of a node are opened when it is first worked on."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._record = Record(paths.run)
        self._open: dict[str, Wires] = {}

    def do(self, asked: Request) -> tuple[str, ...] | bool | None:
        """Do what ``Wires`` has a method for."""
        wires = self._open.get(asked.node.name)
        if wires is None:
            wires = self._open[asked.node.name] = Wires(asked.node, self._paths, self._record)
        return wires.attach(asked.attachment) if asked.op == "attach" else wires.detach(asked.attachment)

    def close(self) -> None:
        """Close what was opened."""
        for wires in self._open.values():
            wires.close()


def serve(sock: socket.socket, workshop: Workshop) -> None:
    """Do what is asked, one thing at a time, until nobody asks any more."""
    decoder = Decoder()
    requests = msgspec.json.Decoder(Request)
    while data := sock.recv(_READ_BYTES):
        for payload in decoder.feed(data):
            answer = _answer(workshop, requests.decode(payload))
            sock.sendall(encode(msgspec.json.encode(answer)))


def _answer(workshop: Workshop, asked: Request) -> dict[str, Any]:
    try:
        return {"id": asked.id, "result": workshop.do(asked)}
    except NetemuError as err:
        return {"id": asked.id, "error": {"code": err.code, "message": err.message, "hint": err.hint}}
    except Exception as err:
        # A fault of ours that one pod brings out must not leave the others without wires.
        log.error("wires.fault", exc=err, node=asked.node.name, pod=asked.attachment.pod_uid)
        return {"id": asked.id, "error": {"code": type(err).__name__, "message": str(err)}}
