"""HTTP through the API server: ``pods/proxy``, ``services/proxy`` and ``nodes/proxy``."""
