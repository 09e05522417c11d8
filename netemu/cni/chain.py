"""How a list of plugins is run: generators that yield calls and are sent the answers.

They do nothing themselves, so the same code serves plugins that are programs (awaited) and
plugins that are functions (called in a worker thread). A plugin's failure is thrown in.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any

from netemu.cni.attachment import Attachment, Call, plan_call
from netemu.cni.config import NetworkConfig
from netemu.cni.result import Result
from netemu.errors import NetemuError

Answer = dict[str, Any] | None
Chain = Generator[Call, Answer, Answer]


def add(network: NetworkConfig, attachment: Attachment) -> Chain:
    """Run every plugin, each with the result of the one before; undo all if one fails."""
    result: Answer = None
    done = 0
    try:
        for plugin in network.plugins:
            done += 1
            result = yield plan_call("ADD", network, plugin, attachment, result)
    except NetemuError:
        # The failed plugin too: it may have done half of its work.
        with suppress(NetemuError):  # the first failure is the one that says why
            yield from delete(network, attachment, result, count=done)
        raise
    return result


def delete(network: NetworkConfig, attachment: Attachment, result: Answer, *, count: int = 0) -> Chain:
    """Run plugins (the first ``count``, or all) from the last to the first.

    A failure does not keep the others from cleaning up; the first one is raised at the end.
    """
    failures: list[NetemuError] = []
    for plugin in reversed(network.plugins[: count or None]):
        try:
            yield plan_call("DEL", network, plugin, attachment, result)
        except NetemuError as err:
            failures.append(err)
    if failures:
        raise failures[0]
    return None


def check(network: NetworkConfig, attachment: Attachment, result: Result) -> Chain:
    """Ask every plugin whether all is as it left it."""
    for plugin in network.plugins:
        yield plan_call("CHECK", network, plugin, attachment, result.raw)
    return None
