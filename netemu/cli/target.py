"""Which cluster and namespace a command line means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

DEFAULT_CLUSTER = "netemu"
CLUSTER_VARIABLE = "NETEMU_CLUSTER"

_GLOBAL_OPTIONS = ("-n", "--namespace", "--cluster")
_ALSO = "--name"  # of the cluster, but for `expose --name`, which kubectl has for the Service
_SWITCH = re.compile(r"(--[a-z-]+)=(true|false)")
_ON_BY_THEMSELVES = ("--wait", "--watch", "--namespaced")
_COMMAND_WITHIN = 7  # three global options with their values may stand before the command


class Target(NamedTuple):
    """What the global options say; ``namespace`` is empty where none was given."""

    cluster: str = DEFAULT_CLUSTER
    namespace: str = ""
    cluster_given: bool = False

    @property
    def namespace_or_default(self) -> str:
        """The namespace that an object without one goes to."""
        return self.namespace or "default"


def hoist_globals(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, as kubectl takes them in any place.

    What follows ``--`` belongs to another program and stays where it is. Switches may be written
    as kubectl's users write them: ``--wait=false``.
    """
    known = _GLOBAL_OPTIONS if "expose" in arguments[:_COMMAND_WITHIN] else (*_GLOBAL_OPTIONS, _ALSO)
    hoisted: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in known:
            hoisted += [word, *_one(words)]
        elif word.startswith(tuple(f"{option}=" for option in known)):
            hoisted += word.split("=", 1)
        elif word.startswith("-n") and not word.startswith("--"):
            hoisted += ["-n", word[2:]]
        else:
            rest += _switch(word)
    return hoisted + rest


def _switch(word: str) -> list[str]:
    """Read ``--all=true`` as ``--all``; ``false`` matters only to those that may be on by themselves."""
    match = _SWITCH.fullmatch(word)
    if match is None:
        return [word]
    if match[2] == "true":
        return [match[1]]
    return [f"--no-{match[1][2:]}"] if match[1] in _ON_BY_THEMSELVES else []


def _one(words: Iterator[str]) -> list[str]:
    value = next(words, None)
    return [] if value is None else [value]
