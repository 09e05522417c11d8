import json

import pytest

from cni_plugins import protocol
from cni_plugins.protocol import CniError
from netemu.errors import NetemuError

ENVIRON = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/run/netns/x", "CNI_IFNAME": "eth0"}
CONFIG = {"cniVersion": "1.0.0", "name": "net"}


def serve(handlers=None, environ=ENVIRON, config=CONFIG):
    return protocol.serve(handlers or {}, environ, json.dumps(config).encode())


def test_a_request_is_read_from_environment_and_input():
    environ = {**ENVIRON, "CNI_ARGS": "A=1;B=x=y", "CNI_PATH": "/a:/b"}
    request = protocol.parse_request(environ, json.dumps(CONFIG).encode())

    assert (request.container_id, request.netns, request.ifname) == ("c1", "/run/netns/x", "eth0")
    assert request.args == {"A": "1", "B": "x=y"}
    assert [str(path) for path in request.path] == ["/a", "/b"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"CNI_CONTAINERID": ""}, 4),
        ({"CNI_CONTAINERID": "../etc"}, 4),
        ({"CNI_CONTAINERID": "a:b"}, 4),
        ({"CNI_IFNAME": "a/b"}, 4),
        ({"CNI_IFNAME": ".."}, 4),
        ({"CNI_IFNAME": "a" * 16}, 4),
        ({"CNI_NETNS": ""}, 4),
        ({"CNI_COMMAND": "DANCE"}, 4),
        ({"CNI_COMMAND": ""}, 4),
    ],
)
def test_a_wrong_environment_is_code_four(change, code):
    exit_code, answer = serve(environ={**ENVIRON, **change})

    assert (exit_code, answer["code"]) == (1, code)


def test_who_starts_a_plugin_by_hand_learns_what_it_waits_for():
    exit_code, answer = protocol.serve({}, {}, b"")

    assert exit_code == 1
    assert answer["msg"].startswith("CNI_COMMAND is not set: ADD, DEL")


@pytest.mark.parametrize(
    ("stdin", "code"), [(b"no json", 6), (b"[]", 7), (b'{"cniVersion": "9.9"}', 1), (b"{}", 1)]
)
def test_a_wrong_configuration_has_the_specifications_code(stdin, code):
    exit_code, answer = protocol.serve({}, ENVIRON, stdin)

    assert (exit_code, answer["code"]) == (1, code)


def test_version_needs_neither_container_nor_configuration():
    exit_code, answer = protocol.serve({}, {"CNI_COMMAND": "VERSION"}, b"")

    assert exit_code == 0
    assert answer["supportedVersions"] == ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]


def test_deleting_needs_no_network_namespace():
    environ = {**ENVIRON, "CNI_COMMAND": "DEL", "CNI_NETNS": ""}

    assert serve({"DEL": lambda _: None}, environ) == (0, None)


@pytest.mark.parametrize(
    ("version", "family"), [("0.3.1", "4"), ("0.4.0", "4"), ("1.0.0", None), ("1.1.0", None)]
)
def test_the_answer_is_in_the_version_of_the_configuration(version, family):
    result = {"ips": [{"address": "10.0.0.2/24"}]}
    _, answer = serve({"ADD": lambda _: result}, config={**CONFIG, "cniVersion": version})

    assert (answer["cniVersion"], answer["ips"][0].get("version")) == (version, family)
    assert result == {"ips": [{"address": "10.0.0.2/24"}]}


def refuse(_):
    raise CniError(11, "try again", details="later")


def fail(_):
    raise NetemuError("broken")


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (refuse, {"cniVersion": "1.0.0", "code": 11, "msg": "try again", "details": "later"}),
        (fail, {"cniVersion": "1.0.0", "code": 100, "msg": "broken"}),
    ],
)
def test_a_failure_is_json_with_exit_code_one(handler, expected):
    assert serve({"ADD": handler}) == (1, expected)


def test_arguments_are_written_as_they_are_read():
    args = {"IgnoreUnknown": "1", "K8S_POD_NAME": "web"}

    assert protocol.parse_args(protocol.render_args(args)) == args
