"""netemu: Kubernetes networking on real Linux, on one machine."""

__version__ = "0.1.0"
