"""What a settings file says under ``kubelet``: durations read, patterns and thresholds checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from netemu.api import quantity
from netemu.errors import SettingsError
from netemu.settings import Kubelet

_DURATIONS = (
    ("evictionPressureTransitionPeriod",),
    ("crashLoopBackOff", "maxContainerRestartPeriod"),
)
_PATTERN = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]")
_NAMESPACED = ("net.", "kernel.sem", "kernel.msg", "kernel.shm", "fs.mqueue.")
_PERCENTAGE = re.compile(r"(\d+(\.\d+)?)%")
_SIGNALS = ("nodefs.available",)


def with_seconds(raw: Any, read: Callable[[str, str], float]) -> Any:
    """Give the mapping with its durations as numbers; ``read`` takes a name and a text."""
    if not isinstance(raw, Mapping):
        return raw
    made: dict[str, Any] = dict(raw)
    for parent, *rest in _DURATIONS:
        if not rest and isinstance(made.get(parent), str):
            made[parent] = read(f"kubelet.{parent}", made[parent])
        inner = made.get(parent)
        for name in rest:
            if isinstance(inner, Mapping) and isinstance(inner.get(name), str):
                made[parent] = {**inner, name: read(f"kubelet.{parent}.{name}", inner[name])}
    return made


def check_kubelet(kubelet: Kubelet) -> None:
    """Check what no type can say.

    Raises:
        SettingsError: names the setting and its value.

    """
    for pattern in kubelet.allowed_unsafe_sysctls:
        dotted = pattern.replace("/", ".")
        if not _PATTERN.fullmatch(pattern):
            raise SettingsError(
                f"kubelet.allowedUnsafeSysctls: {pattern!r} is no name of a sysctl, nor a pattern",
                hint="Names like net.core.somaxconn; a * may stand at the end.",
            )
        if not dotted.startswith(_NAMESPACED):
            raise SettingsError(
                f"kubelet.allowedUnsafeSysctls: the sysctls {pattern!r} are not known to be namespaced",
                hint="Pods have of their own: net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*.",
            )
    for signal, amount in kubelet.eviction_hard.items():
        if signal not in _SIGNALS:
            raise SettingsError(
                f"kubelet.evictionHard: {signal!r} is not watched", hint=f"Signals: {', '.join(_SIGNALS)}."
            )
        percentage = _PERCENTAGE.fullmatch(amount)
        if not (float(percentage[1]) <= 100 if percentage else quantity.is_valid(amount)):
            raise SettingsError(
                f"kubelet.evictionHard: {amount!r} is no amount", hint="Write it as 10% or as 1Gi."
            )
