"""Flows: how Kubernetes' API sorts requests, as ``FlowSchema`` objects say.

Every answer names its schema and priority level. Nothing waits in queues: requests are answered one by one,
and ``limits`` bounds what clients may cost.

Source: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/.
"""
