"""Wiring: the one place that joins planners to the kernel, and clusters to the machine."""
