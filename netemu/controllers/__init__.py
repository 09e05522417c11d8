"""Level-triggered controllers: what Kubernetes' controller manager does, for the kinds we serve.

Each module is a pure planner, ``plan(cache, key, now_s) -> writes``; ``loop`` is the only one
that does anything. ``registry`` lists them all.
"""
