"""The kinds of ``metrics.k8s.io``: measured when they are asked for, never stored.

Source: https://kubernetes.io/docs/reference/external-api/metrics.v1beta1/.
"""

from __future__ import annotations

from netemu.api.kinds import Kind

GROUP = "metrics.k8s.io"
VERSION = "v1beta1"

NODE_METRICS = Kind(
    group=GROUP, version=VERSION, kind="NodeMetrics", resource="nodes", singular="", namespaced=False
)
POD_METRICS = Kind(group=GROUP, version=VERSION, kind="PodMetrics", resource="pods", singular="")

MEASURED = (NODE_METRICS, POD_METRICS)
