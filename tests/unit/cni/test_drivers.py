import json

import pytest

from netemu.cni.attachment import Call
from netemu.cni.drivers import CniPluginError, ExecDriver, parse_answer
from netemu.errors import MissingProgramError

CALL = Call(
    command="ADD",
    plugin="calico",
    container_id="c1",
    netns="/run/netns/x",
    ifname="eth0",
    args={"A": "1", "B": "2"},
    config={"name": "n"},
)


async def test_a_program_gets_the_environment_of_the_specification():
    seen = {}

    async def run(argv, env, stdin):
        seen.update(argv=argv, env=env, stdin=json.loads(stdin))
        return 0, b'{"ips": []}', b""

    assert await ExecDriver(run).call(CALL) == {"ips": []}
    assert seen["argv"] == ["/opt/cni/bin/calico"]
    assert {key: value for key, value in seen["env"].items() if key.startswith("CNI_")} == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "/run/netns/x",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "A=1;B=2",
        "CNI_PATH": "/opt/cni/bin",
    }
    assert seen["stdin"] == {"name": "n"}


async def test_a_program_that_is_not_there_is_named_with_libcnis_words():
    async def run(argv, env, stdin):
        raise MissingProgramError(argv[0])

    with pytest.raises(CniPluginError, match=r'failed to find plugin "calico" in path \[/opt/cni/bin\]'):
        await ExecDriver(run).call(CALL)


@pytest.mark.parametrize(
    ("exit_code", "stdout", "stderr", "message"),
    [
        (
            1,
            b'{"code": 7, "msg": "bad key", "details": "which"}',
            b"",
            r'type="calico" failed \(add\): bad key',
        ),
        (1, b"", b"segfault", "segfault"),
        (2, b"", b"", "it ended with 2 and no message"),
        (0, b"hello", b"", "not JSON"),
        (0, b"", b"", "it gave no result"),
        (0, b"[]", b"", "it gave no result"),
    ],
)
def test_what_went_wrong_is_said(exit_code, stdout, stderr, message):
    with pytest.raises(CniPluginError, match=message):
        parse_answer(CALL, exit_code, stdout, stderr)


def test_the_plugins_own_code_is_kept():
    with pytest.raises(CniPluginError) as raised:
        parse_answer(CALL, 1, b'{"code": 11, "msg": "later"}', b"")

    assert raised.value.number == 11
