"""How long a pod may be active (activeDeadlineSeconds). Pure."""

from __future__ import annotations

from netemu.agent.status import Failure
from netemu.api.views.core import Pod
from netemu.clock import parse_rfc3339

EXCEEDED = Failure("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


def left_s(pod: Pod, now_s: float) -> float | None:
    """Give the seconds that a pod has left, from its start on; ``None`` without a deadline."""
    if pod.spec.active_deadline_seconds is None or not pod.status.start_time:
        return None
    return parse_rfc3339(pod.status.start_time) + pod.spec.active_deadline_seconds - now_s
