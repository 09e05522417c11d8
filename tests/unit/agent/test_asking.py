"""Which port a probe asks."""

from __future__ import annotations

import pytest

from netemu.agent.asking import resolve_port
from netemu.api.views import view
from netemu.api.views.core import Container

WEB = view(Container, {"name": "c", "image": "nginx", "ports": [{"containerPort": 80, "name": "web"}]})


@pytest.mark.parametrize(("port", "number"), [(8080, 8080), ("web", 80), ("8080", 8080)])
def test_a_port_is_a_number_or_has_a_name(port, number):
    assert resolve_port(WEB, port) == number


def test_a_name_that_no_port_has_is_told_in_the_kubelet_s_words():
    with pytest.raises(ValueError, match=r'^strconv\.Atoi: parsing "nope": invalid syntax$'):
        resolve_port(WEB, "nope")
