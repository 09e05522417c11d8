import pytest

from netemu.image.config import Process, parse_config
from netemu.image.errors import ImageError

IMAGE = Process(entrypoint=("/entry",), cmd=("-a", "-b"), env=("PATH=/bin", "EMPTY=", "X=1=2"))


@pytest.mark.parametrize(
    ("command", "args", "argv"),
    [
        pytest.param((), (), ("/entry", "-a", "-b"), id="neither"),
        pytest.param((), ("-c",), ("/entry", "-c"), id="args-replace-cmd"),
        pytest.param(("sh",), (), ("sh",), id="command-replaces-both"),
        pytest.param(("sh",), ("-c", "x"), ("sh", "-c", "x"), id="both"),
    ],
)
def test_command_and_args_replace_entrypoint_and_cmd_as_kubernetes_documents(command, args, argv):
    assert IMAGE.argv(command, args) == argv


def test_variables_are_split_at_the_first_equals_sign():
    assert IMAGE.variables() == {"PATH": "/bin", "EMPTY": "", "X": "1=2"}


def test_an_image_without_a_configuration_has_nothing_to_run():
    config = parse_config(b'{"architecture": "amd64", "rootfs": {"diff_ids": []}}', "x.tar")

    assert config.process.argv((), ()) == ()


def test_fields_that_are_null_are_as_if_missing():
    data = b'{"config": {"Env": null, "Cmd": null, "Entrypoint": null, "Volumes": null, "User": ""}}'

    assert parse_config(data, "x.tar").process == Process()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"config": {"Cmd": "sh"}}'])
def test_what_is_no_configuration_is_refused_with_the_file_s_name(data):
    with pytest.raises(ImageError, match=r"x\.tar"):
        parse_config(data, "x.tar")
