"""What holds for all unit tests: an example of a property may take as long as the machine needs."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("netemu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("netemu")
