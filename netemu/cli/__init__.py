"""The ``netemu`` command: kubectl's words for objects, and a few of its own for clusters.

Pure: ``words`` (which command is where, and what is kubectl's own), ``target`` (which cluster and
namespace), ``resources`` (which kinds and names), ``manifests`` (files to objects), ``applying`` (what
``apply`` changes), ``marks``, ``taints``, ``draining``, ``generate`` and ``creation`` (objects by words),
``jsonpath``, ``columns``, ``tables``, ``usage``, ``resourcelist``, ``output``, ``describe``, ``conditions``,
``failures`` (errors to text). I/O: ``commands``, ``verbs`` and ``session``. A line loads the one command
that it needs, and a command imports what it needs when it runs.
"""
