"""Which local port leads where."""

from __future__ import annotations

import pytest

from netemu.cli.ports import Forward, parse_forwards, pod_port
from netemu.cli.resources import UsageError

POD = {
    "metadata": {"name": "web-1"},
    "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 8080, "name": "http"}]}]},
}
SERVICE = {
    "metadata": {"name": "web"},
    "spec": {
        "ports": [
            {"port": 80, "name": "www", "targetPort": "http"},
            {"port": 81, "targetPort": 9000},
            {"port": 82},
        ]
    },
}


@pytest.mark.parametrize(
    ("word", "forward"),
    [
        pytest.param("80", Forward(80, "80"), id="same"),
        pytest.param("8080:80", Forward(8080, "80"), id="both"),
        pytest.param(":80", Forward(0, "80"), id="any"),
        pytest.param("0:80", Forward(0, "80"), id="any-too"),
        pytest.param("8080:http", Forward(8080, "http"), id="named"),
        pytest.param("http", Forward(0, "http"), id="named-alone"),
    ],
)
def test_words_are_read_as_kubectl_reads_them(word, forward):
    assert parse_forwards([word]) == (forward,)


@pytest.mark.parametrize("word", ["", "80:", "0", "70000", "x:80", "70000:80", "1:2:3"])
def test_ports_that_cannot_be_are_refused(word):
    with pytest.raises(UsageError, match="port"):
        parse_forwards([word])


@pytest.mark.parametrize(
    ("remote", "service", "port"),
    [
        pytest.param("9", None, 9, id="number"),
        pytest.param("http", None, 8080, id="name"),
        pytest.param("80", SERVICE, 8080, id="service-to-named-port"),
        pytest.param("www", SERVICE, 8080, id="service-by-name"),
        pytest.param("81", SERVICE, 9000, id="service-to-number"),
        pytest.param("82", SERVICE, 82, id="service-to-the-same"),
    ],
)
def test_a_forward_leads_to_the_pods_port(remote, service, port):
    assert pod_port(Forward(0, remote), POD, service) == port


@pytest.mark.parametrize(("remote", "service"), [("grpc", None), ("99", SERVICE)])
def test_a_port_that_is_not_there_is_told(remote, service):
    with pytest.raises(UsageError, match="does not have a"):
        pod_port(Forward(0, remote), POD, service)
