from __future__ import annotations

import os
from pathlib import Path

import pytest

from netemu.api.views.core import Container, ContainerPort, EnvVar, VolumeMount
from netemu.errors import SettingsError
from netemu.runtime.container import Port
from netemu.standin.catalogue import (
    Command,
    Play,
    UnknownImage,
    Worker,
    built_in,
    decide,
    parse_catalogue,
    programs,
)

WEB = Port(number=80)
GIVES_WAY = Port(number=80, implied=True)


def container(image="httpd", *, ports=(), **fields):
    declared = tuple(ContainerPort(container_port=number, protocol=protocol) for number, protocol in ports)
    return Container(name="c", image=image, ports=declared, **fields)


@pytest.mark.parametrize(
    ("image", "played"),
    [
        pytest.param("httpd", Play(app="httpd", ports=(WEB,)), id="httpd"),
        pytest.param("nginx:1.27-alpine", Play(app="nginx", ports=(WEB,)), id="with-a-tag"),
        pytest.param(
            "docker.io/library/nginx@sha256:1f", Play(app="nginx", ports=(WEB,)), id="with-a-digest"
        ),
        pytest.param("localhost:5000/traefik/whoami:v1", Play(app="http", ports=(WEB,)), id="own-registry"),
        pytest.param("hashicorp/http-echo", Play(app="http-echo", ports=(GIVES_WAY,)), id="http-echo"),
        pytest.param("echo", Play(app="echo", ports=(WEB, Port(number=80, protocol="UDP"))), id="echo"),
        pytest.param("ealen/echo-server", Play(app="http", ports=(WEB,)), id="echo-server"),
        pytest.param("registry.k8s.io/pause:3.10", Play(app="pause", ports=(GIVES_WAY,)), id="pause"),
        pytest.param("busybox", Play(app="pause", ports=(GIVES_WAY,)), id="busybox-without-anything"),
        pytest.param(
            "registry.k8s.io/e2e-test-images/agnhost:2.53",
            Play(app="agnhost-pause", ports=(GIVES_WAY,)),
            id="agnhost-without-anything",
        ),
        pytest.param("registry.k8s.io/coredns/coredns:v1.11.1", Worker("dns"), id="coredns"),
    ],
)
def test_an_image_without_a_command_is_played_by_its_name(image, played):
    assert decide(container(image), built_in()) == played


def test_declared_ports_replace_the_catalogue_s():
    decision = decide(container(ports=((8080, "TCP"), (53, "UDP"), (9, "SCTP"))), built_in())

    assert decision == Play(app="httpd", ports=(Port(number=8080), Port(number=53, protocol="UDP")))


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


@pytest.mark.parametrize(
    ("image", "decision"),
    [("busybox", Command(("sh",))), ("httpd", Play(app="httpd", ports=(WEB,)))],
    ids=["whose-command-is-a-shell", "whose-is-none"],
)
def test_an_image_that_somebody_speaks_to_runs_its_shell(image, decision):
    assert decide(container(image, stdin=True), built_in()) == decision
    assert decide(container(image), built_in(), is_waited_for=True) == decision


AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
TOKEN = VolumeMount(name="t", mount_path="/var/run/secrets/kubernetes.io/serviceaccount")


@pytest.mark.parametrize(
    ("fields", "played"),
    [
        pytest.param(
            {"args": ("netexec", "--http-port=80")},
            Play(app="netexec", args=("--http-port=80",)),
            id="netexec",
        ),
        pytest.param({"args": ("pause",)}, Play(app="agnhost-pause"), id="pause"),
        pytest.param(
            {"args": ("porter",), "env": (EnvVar(name="SERVE_PORT_80", value="x"),)},
            Play(app="porter"),
            id="porter",
        ),
        pytest.param(
            {"command": ("/agnhost", "serve-hostname"), "args": ("--port=80",)},
            Play(app="serve-hostname", args=("--port=80",)),
            id="by-its-path",
        ),
        pytest.param(
            {"command": ("agnhost",), "args": ("pause",)}, Play(app="agnhost-pause"), id="by-its-name"
        ),
        pytest.param(
            {"args": ("test-webserver",), "volume_mounts": (TOKEN,)},
            Play(app="test-webserver"),
            id="with-a-token",
        ),
    ],
)
def test_agnhost_is_played_where_it_needs_no_process(fields, played):
    assert decide(container(AGNHOST, **fields), built_in()) == played


@pytest.mark.parametrize(
    ("fields", "argv"),
    [
        pytest.param({"args": ("nettest",)}, ("/agnhost", "nettest"), id="another-subcommand"),
        pytest.param(
            {"args": ("porter",), "env": (EnvVar(name="SERVE_TLS_PORT_443", value="x"),)},
            ("/agnhost", "porter"),
            id="porter-with-tls",
        ),
        pytest.param(
            {"args": ("netexec", "--tls-cert-file=/localhost.crt")},
            ("/agnhost", "netexec", "--tls-cert-file=/localhost.crt"),
            id="tls",
        ),
        pytest.param(
            {"command": ("agnhost", "netexec"), "args": ("--delay-shutdown", "9")},
            ("/agnhost", "netexec", "--delay-shutdown", "9"),
            id="that-ends-slowly",
        ),
        pytest.param(
            {
                "args": ("test-webserver",),
                "volume_mounts": (TOKEN, VolumeMount(name="v", mount_path="/results")),
            },
            ("/agnhost", "test-webserver"),
            id="with-files-to-serve",
        ),
        pytest.param(
            {"command": ("sh", "-c"), "args": ("/agnhost connect web:80",)},
            ("sh", "-c", "/agnhost connect web:80"),
            id="in-a-shell",
        ),
        pytest.param(
            {"command": ("/agnhost-2", "entrypoint-tester")}, ("/agnhost-2", "entrypoint-tester"), id="alias"
        ),
    ],
)
def test_agnhost_is_a_process_elsewhere(fields, argv):
    assert decide(container(AGNHOST, **fields), built_in()) == Command(argv)


def test_containers_of_agnhost_have_the_program():
    mounts = {mount.target: mount for mount in programs(AGNHOST, built_in())}

    assert set(mounts) == {
        "/.agnhost/netemu/agnhost",
        "/agnhost",
        "/agnhost-2",
        "/coredns",
        "/localhost.crt",
        "/localhost.key",
    }
    assert all(mount.read_only and Path(mount.source).exists() for mount in mounts.values())
    assert os.access(mounts["/agnhost"].source, os.X_OK)
    assert programs("busybox", built_in()) == () == programs("nobody/knows", built_in())


def test_echo_basic_is_a_process_where_it_has_a_certificate():
    plain = container("gcr.io/k8s-staging-gateway-api/echo-basic:v1")
    with_tls = container("echo-basic", env=(EnvVar(name="TLS_SERVER_CERT", value="/tls.crt"),))

    assert decide(plain, built_in()) == Play(app="echo-basic")
    assert decide(with_tls, built_in()) == Command(("/agnhost", "echo-basic"))


def test_arguments_go_to_an_image_s_entrypoint():
    decision = decide(container("curlimages/curl:8", args=("-s", "web")), built_in())

    assert decision == Command(("curl", "-s", "web"))


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
    assert decide(container("httpd"), both) == Play(app="httpd", ports=(WEB,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("images: [", "not YAML", id="not-yaml"),
        pytest.param("image: {}", "unknown field `image`", id="unknown-field"),
        pytest.param("images: {a: {app: games}}", "$.images[...].app", id="unknown-app"),
        pytest.param("images: {a: {}}", "images.a: needs one of `app`", id="no-app"),
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


def test_an_image_can_have_a_user_of_its_own():
    assert decide(container("e2e-test-images/nonroot:1.4"), built_in()) == Command(
        ("sh", "-c", "id -u"), 1234
    )
    assert decide(container("nonroot", command=("true",)), built_in()) == Command(("true",), 1234)
