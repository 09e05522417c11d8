"""The variables that containers get for Services."""

import pytest

from netemu.api.kinds import SERVICE
from netemu.clock import parse_rfc3339
from netemu.cluster.services import ServiceVariables
from netemu.informer.cache import Cache
from netemu.testing import builders

START = "2026-01-01T00:00:10Z"


@pytest.fixture
def variables():
    cache = Cache()
    for name, second in (("early", 9), ("late", 11)):
        service = builders.service(name, clusterIP=f"10.96.0.{second}")
        service["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{second:02d}Z"
        cache.apply(SERVICE, service)
    return ServiceVariables(cache)


def test_a_container_that_starts_now_has_all_services(variables):
    assert {"EARLY_SERVICE_HOST", "LATE_SERVICE_HOST"} <= variables.of("default").keys()


def test_one_that_runs_has_those_that_were_there_when_it_started(variables):
    made = variables.of("default", parse_rfc3339(START))

    assert made["EARLY_SERVICE_HOST"] == "10.96.0.9"
    assert "LATE_SERVICE_HOST" not in made
