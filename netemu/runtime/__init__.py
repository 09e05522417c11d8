"""Containers: a shim per node that is the parent of its processes, and what one is made of."""
