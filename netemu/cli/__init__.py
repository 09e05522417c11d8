"""The ``netemu`` command: kubectl's words for objects, and a few of its own for clusters.

Pure: ``target`` (which cluster and namespace), ``resources`` (which kinds and names),
``manifests`` (files to objects), ``applying`` (what ``apply`` changes), ``jsonpath``,
``tables``, ``output``, ``describe``, ``conditions``, ``generate``, ``failures`` (errors to text).
I/O: ``commands`` and ``session``. A command imports what it needs when it runs, so that
``netemu --help`` stays quick.
"""
