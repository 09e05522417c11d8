"""The node agent (Kubernetes' kubelet): makes the pods of one node real and reports on them.

``files``, ``environment``, ``status`` and ``lifecycle`` decide; ``loop``, ``sandbox``, ``containers``
and ``probes`` do.
"""
