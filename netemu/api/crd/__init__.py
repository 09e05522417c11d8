"""CustomResourceDefinitions: kinds that users define, and the rules of their objects. Pure.

``definition`` reads a CRD, ``schema`` works on objects by its structural schema, ``rules`` checks
the CRD itself. ``expressions`` holds objects to the rules of ``x-kubernetes-validations`` (CEL).

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/.
"""
