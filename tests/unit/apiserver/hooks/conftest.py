"""Webhooks that tests play, and what they are asked about."""

from __future__ import annotations

import msgspec
import pytest


class Webhooks:
    """Webhooks that a test plays: by path, a function of the review's request."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    async def __call__(self, target, body, timeout_s):
        review = msgspec.json.decode(body)
        self.asked.append((target.path, review["request"]))
        answer = self.answers[target.path](review["request"])
        if isinstance(answer, Exception):
            raise answer
        response = {"uid": review["request"]["uid"], "allowed": True, **answer}
        return msgspec.json.encode({**review, "request": None, "response": response})


@pytest.fixture
def webhooks(registry):
    made = Webhooks()
    registry.gate.call = made
    return made


@pytest.fixture
def deployment():
    """Make a Deployment of so many replicas."""

    def made(replicas):
        template = {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template}
        return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}

    return made
