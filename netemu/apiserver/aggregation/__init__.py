"""Groups that other API servers answer for: ``APIService`` objects that name a Service.

``remotes`` knows which those are, ``http`` passes requests on, ``availability`` looks whether they
answer, and ``discovery`` shows their resources beside the server's own.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/.
"""
