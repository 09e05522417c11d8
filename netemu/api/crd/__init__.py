"""CustomResourceDefinitions: kinds that users define, and the rules of their objects. Pure.

``definition`` reads a CRD, ``schema`` works on objects by its structural schema, ``rules`` checks
the CRD itself. Expressions of ``x-kubernetes-validations`` (CEL) are stored and not evaluated.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/.
"""
