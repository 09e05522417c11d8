"""Kubernetes' objects as values: kinds, typed views, selectors, validation, patches. Pure."""
