from __future__ import annotations

import pytest

from netemu.api.views.core import Container, ContainerPort
from netemu.errors import SettingsError
from netemu.runtime.container import Port
from netemu.standin.catalogue import (
    Command,
    InvalidArguments,
    Play,
    UnknownImage,
    Worker,
    built_in,
    decide,
    parse_catalogue,
)

WEB = Port(number=80)
GIVES_WAY = Port(number=80, implied=True)


def container(image="httpd", *, ports=(), **fields):
    declared = tuple(ContainerPort(container_port=number, protocol=protocol) for number, protocol in ports)
    return Container(name="c", image=image, ports=declared, **fields)


@pytest.mark.parametrize(
    ("image", "played"),
    [
        pytest.param("httpd", Play(app="http", ports=(WEB,)), id="httpd"),
        pytest.param("nginx:1.27-alpine", Play(app="http", ports=(WEB,)), id="with-a-tag"),
        pytest.param("docker.io/library/nginx@sha256:1f", Play(app="http", ports=(WEB,)), id="with-a-digest"),
        pytest.param("localhost:5000/traefik/whoami:v1", Play(app="http", ports=(WEB,)), id="own-registry"),
        pytest.param("hashicorp/http-echo", Play(app="http-echo", ports=(GIVES_WAY,)), id="http-echo"),
        pytest.param("echo", Play(app="echo", ports=(WEB, Port(number=80, protocol="UDP"))), id="echo"),
        pytest.param("ealen/echo-server", Play(app="http", ports=(WEB,)), id="echo-server"),
        pytest.param("registry.k8s.io/pause:3.10", Play(app="pause", ports=(GIVES_WAY,)), id="pause"),
        pytest.param("busybox", Play(app="pause", ports=(GIVES_WAY,)), id="busybox-without-anything"),
        pytest.param(
            "registry.k8s.io/e2e-test-images/agnhost:2.53",
            Play(app="pause", ports=(GIVES_WAY,)),
            id="agnhost-without-anything",
        ),
        pytest.param("registry.k8s.io/coredns/coredns:v1.11.1", Worker("dns"), id="coredns"),
    ],
)
def test_an_image_without_a_command_is_played_by_its_name(image, played):
    assert decide(container(image), built_in()) == played


def test_declared_ports_replace_the_catalogue_s():
    decision = decide(container(ports=((8080, "TCP"), (53, "UDP"), (9, "SCTP"))), built_in())

    assert decision == Play(app="http", ports=(Port(number=8080), Port(number=53, protocol="UDP")))


@pytest.mark.parametrize("image", ["httpd", "busybox", "nobody/knows", "coredns/coredns"])
def test_a_command_is_run_whatever_the_image_is_called(image):
    assert decide(container(image, command=("sh",), args=("-c", "true")), built_in()) == Command(
        ("sh", "-c", "true")
    )


def test_arguments_without_a_command_go_to_the_stand_in():
    decision = decide(container("http-echo", args=("-text=hi",)), built_in())

    assert decision == Play(app="http-echo", args=("-text=hi",), ports=(GIVES_WAY,))


def test_arguments_of_busybox_are_its_command():
    assert decide(container("busybox", args=("sleep", "60")), built_in()) == Command(("sleep", "60"))


def test_agnhost_s_first_argument_names_the_app():
    decision = decide(
        container("agnhost", args=("netexec", "--http-port=80"), ports=((80, "TCP"),)), built_in()
    )

    assert decision == Play(app="netexec", args=("--http-port=80",), ports=(WEB,))


def test_an_unknown_subcommand_says_what_there_is():
    decision = decide(container("agnhost", args=("porter",)), built_in())

    assert isinstance(decision, InvalidArguments)
    assert "netexec, pause, serve-hostname" in decision.message


def test_an_unknown_image_is_never_played_and_its_message_names_the_catalogue():
    decision = decide(container("nobody/knows:1"), built_in())

    assert isinstance(decision, UnknownImage)
    assert all(word in decision.message for word in ('"nobody/knows:1"', "httpd", "images.yaml"))


def test_users_add_to_the_catalogue_and_the_longest_name_wins():
    mine = parse_catalogue("images: {team/web: {app: echo, ports: [7, 7/UDP]}, web: {app: pause}}", "mine")
    both = built_in().extended(mine)

    assert decide(container("registry.example/team/web:1"), both) == Play(
        app="echo", ports=(Port(number=7), Port(number=7, protocol="UDP"))
    )
    assert decide(container("other/web"), both) == Play(app="pause", ports=(WEB,))
    assert decide(container("httpd"), both) == Play(app="http", ports=(WEB,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("images: [", "not YAML", id="not-yaml"),
        pytest.param("image: {}", "unknown field `image`", id="unknown-field"),
        pytest.param("images: {a: {app: games}}", "$.images[...].app", id="unknown-app"),
        pytest.param("images: {a: {}}", "images.a: needs either `app` or `worker`", id="no-app"),
        pytest.param("images: {a: {app: http, ports: [0]}}", "ports", id="no-port"),
        pytest.param("images: {a: {app: http, ports: [80/ICMP]}}", "neither TCP nor UDP", id="no-protocol"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_refused_with_its_file_and_field(text, words):
    with pytest.raises(SettingsError) as caught:
        parse_catalogue(text, "mine.yaml")

    assert "mine.yaml" in caught.value.message
    assert words in caught.value.message


def test_an_empty_catalogue_adds_nothing():
    assert built_in().extended(parse_catalogue("", "empty")) == built_in()
