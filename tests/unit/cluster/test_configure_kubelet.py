"""What a settings file says about nodes, in the words of KubeletConfiguration."""

from __future__ import annotations

import pytest

from netemu.cluster.configure import load_settings
from netemu.errors import SettingsError


@pytest.fixture
def load(tmp_path):
    """Read settings from a text."""

    def read(text):
        file = tmp_path / "cluster.yaml"
        file.write_text(text)
        return load_settings(file, {}).kubelet

    return read


def test_fields_are_those_of_a_kubelet_s_configuration(load):
    made = load("""
        kubelet:
          allowedUnsafeSysctls: [net.core.*, kernel.msgmax]
          crashLoopBackOff: {maxContainerRestartPeriod: 1m30s}
          evictionHard: {nodefs.available: 1Gi}
          evictionPressureTransitionPeriod: 30s
    """)

    assert made.allowed_unsafe_sysctls == ("net.core.*", "kernel.msgmax")
    assert made.crash_loop_back_off.max_container_restart_period == 90.0
    assert made.eviction_hard == {"nodefs.available": "1Gi"}
    assert made.eviction_pressure_transition_period == 30.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kubelet: {allowedUnsafeSysctls: [vm.swappiness]}", "not known to be namespaced"),
        ("kubelet: {allowedUnsafeSysctls: ['net.*.x']}", "no name of a sysctl"),
        ("kubelet: {crashLoopBackOff: {maxContainerRestartPeriod: 10m}}", "at most 300"),
        ("kubelet: {crashLoopBackOff: {maxContainerRestartPeriod: soon}}", "is no duration"),
        ("kubelet: {evictionHard: {memory.available: 1Gi}}", "is not watched"),
        ("kubelet: {evictionHard: {nodefs.available: much}}", "is no amount"),
        ("kubelet: {evictionHard: {nodefs.available: 101%}}", "is no amount"),
        ("kubelet: {maxPods: 3}", "no such setting"),
        ("kubelet: 3", "must be a mapping"),
    ],
)
def test_what_cannot_be_is_told(load, text, words):
    with pytest.raises(SettingsError, match=words):
        load(text)
