"""The two ways to run a plugin: as a program inside the node, or as a function in this process."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from cni_plugins import bridge, delegate, ipam, portmap, protocol
from cni_plugins.node import Node
from netemu.cni.attachment import Call
from netemu.cni.chain import Answer
from netemu.cni.config import NetworkConfig
from netemu.errors import MissingProgramError, NetemuError

Run = Callable[[list[str], Mapping[str, str], bytes], Awaitable[tuple[int, bytes, bytes]]]
BIN_DIR = "/opt/cni/bin"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CniPluginError(NetemuError):
    """A plugin refused; ``number`` is the code that it gave (CNI specification)."""

    code: ClassVar[str] = "CNI_PLUGIN_FAILED"

    def __init__(self, call: Call, message: str, *, number: int = 0, hint: str = "") -> None:
        # libcni's words, which people search for.
        super().__init__(f'plugin type="{call.plugin}" failed ({call.command.lower()}): {message}', hint=hint)
        self.number = number


class ExecDriver:
    """Runs plugins as programs, with a callable that starts them inside the node's namespaces.

    ``run(argv, env, stdin)`` gives (exit code, stdout, stderr) and raises
    ``MissingProgramError`` when the node has no such program.
    """

    def __init__(self, run: Run, bin_dir: str = BIN_DIR) -> None:
        self._run = run
        self._bin_dir = bin_dir

    async def call(self, call: Call) -> Answer:
        """Run one plugin to its end."""
        program = f"{self._bin_dir}/{call.plugin}"
        try:
            exit_code, stdout, stderr = await self._run(
                [program], self._environment(call), json.dumps(call.config).encode()
            )
        except MissingProgramError as err:
            hint = f"Put the program into the node's {self._bin_dir}."
            message = f'failed to find plugin "{call.plugin}" in path [{self._bin_dir}]'
            raise CniPluginError(call, message, hint=hint) from err
        return parse_answer(call, exit_code, stdout, stderr)

    def _environment(self, call: Call) -> dict[str, str]:
        return {
            "CNI_COMMAND": call.command,
            "CNI_CONTAINERID": call.container_id,
            "CNI_NETNS": call.netns,
            "CNI_IFNAME": call.ifname,
            "CNI_ARGS": protocol.render_args(call.args),
            "CNI_PATH": self._bin_dir,
            "PATH": _PATH,
        }


class InProcessDriver:
    """Calls netemu's own plugins. Blocks for as long as the kernel works: use a worker thread."""

    def __init__(self, node: Node) -> None:
        own_ipam = delegate.in_process(node.root)
        self._handlers: dict[str, dict[str, protocol.Handler]] = {
            "netemu-bridge": {
                "ADD": lambda request: bridge.add(request, node, own_ipam),
                "DEL": lambda request: bridge.delete(request, node, own_ipam),
                "CHECK": lambda request: bridge.check(request, node, own_ipam),
            },
            "netemu-portmap": {
                "ADD": lambda request: portmap.add(request, node),
                "DEL": lambda request: portmap.delete(request, node),
                "CHECK": lambda request: portmap.check(request, node),
            },
            "netemu-ipam": {
                "ADD": lambda request: ipam.add(request, node.root),
                "DEL": lambda request: ipam.delete(request, node.root),
                "CHECK": lambda request: ipam.check(request, node.root),
            },
        }

    def can_run(self, network: NetworkConfig) -> bool:
        """Tell whether every plugin of a network, IPAM included, is netemu's own."""
        types = {plugin.type for plugin in network.plugins}
        types |= {str(p.raw["ipam"].get("type")) for p in network.plugins if p.raw.get("ipam")}
        return types <= self._handlers.keys()

    def call(self, call: Call) -> Answer:
        """Do what the plugin does."""
        request = protocol.Request(
            command=call.command,
            container_id=call.container_id,
            netns=call.netns,
            ifname=call.ifname,
            args=call.args,
            path=(),
            config=call.config,
        )
        try:
            return protocol.answer(self._handlers[call.plugin], request)
        except NetemuError as err:
            number = protocol.error_json(err, request.version)["code"]
            raise CniPluginError(call, err.message, number=number, hint=err.hint) from err


def parse_answer(call: Call, exit_code: int, stdout: bytes, stderr: bytes) -> Answer:
    """Read what a plugin wrote.

    Raises:
        CniPluginError: it failed, or wrote what is not JSON.

    """
    try:
        answer: Any = json.loads(stdout) if stdout.strip() else None
    except ValueError as err:
        said = stdout.decode(errors="replace").strip()[:200]
        raise CniPluginError(call, f"its answer is not JSON: {said!r}") from err
    if exit_code != 0:
        known = answer if isinstance(answer, dict) else {}
        said = stderr.decode(errors="replace").strip()
        message = str(known.get("msg") or said or f"it ended with {exit_code} and no message")
        raise CniPluginError(
            call, message, number=int(known.get("code") or 0), hint=str(known.get("details") or "")
        )
    result = answer if isinstance(answer, dict) else None
    if call.command == "ADD" and result is None:
        raise CniPluginError(call, "it gave no result")
    return result
