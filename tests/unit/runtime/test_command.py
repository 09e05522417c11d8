from __future__ import annotations

import pytest

from netemu.runtime.command import create_failure, exec_failure, find_fault, located
from netemu.runtime.launch import outside_path


@pytest.fixture
def resolve(tmp_path):
    """A container's root directory with one program and one plain file in /usr/bin."""
    programs = tmp_path / "usr" / "bin"
    programs.mkdir(parents=True)
    for name, mode in (("tool", 0o755), ("text", 0o644)):
        (programs / name).write_text("")
        (programs / name).chmod(mode)
    return lambda path: f"{tmp_path}{path}"


@pytest.mark.parametrize(
    ("argv", "fault"),
    [
        pytest.param(["tool"], "", id="on-the-path"),
        pytest.param(["/usr/bin/tool"], "", id="absolute"),
        pytest.param(["./tool"], "", id="relative-to-the-working-directory"),
        pytest.param(["foo"], 'exec: "foo": executable file not found in $PATH', id="nowhere"),
        pytest.param(["text"], 'exec: "text": executable file not found in $PATH', id="not-executable"),
        pytest.param(["/foo"], 'exec: "/foo": stat /foo: no such file or directory', id="no-such-file"),
        pytest.param(["/usr/bin/text"], 'exec: "/usr/bin/text": permission denied', id="no-program"),
        pytest.param(["/usr/bin"], 'exec: "/usr/bin": is a directory', id="a-directory"),
        pytest.param([], "no command specified", id="nothing"),
        pytest.param([""], "no command specified", id="empty"),
    ],
)
def test_a_command_that_cannot_run_is_named_in_the_runtime_s_words(resolve, argv, fault):
    assert find_fault(argv, "/bin:/usr/bin", "/usr/bin", resolve) == fault


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["/sbin/tool", "x"], ["/usr/bin/tool", "x"]),
        (["/usr/bin/tool"], ["/usr/bin/tool"]),
        (["/opt/tool"], ["/opt/tool"]),
        (["/bin/foo"], ["/bin/foo"]),
        (["tool"], ["tool"]),
        ([], []),
    ],
)
def test_a_program_of_an_image_is_found_where_this_machine_has_it(resolve, argv, found):
    assert located(argv, resolve) == found


def test_the_words_are_those_that_people_search_for():
    assert create_failure('exec: "foo": executable file not found in $PATH') == (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc "
        "create failed: unable to start container process: error during container init: "
        'exec: "foo": executable file not found in $PATH'
    )
    assert (
        exec_failure("x")
        == "OCI runtime exec failed: exec failed: unable to start container process: x: unknown"
    )


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        pytest.param("/usr/bin/env", "/usr/bin/env", id="of-the-machine's-usr"),
        pytest.param("/bin/sh", "/bin/sh", id="through-a-link"),
        pytest.param("/scripts/run.sh", "/run/pod/scripts/run.sh", id="mounted"),
        pytest.param("/etc/hosts", "/run/pod/hosts", id="a-mounted-file"),
        pytest.param("/root/secret", "", id="of-the-machine's-home"),
        pytest.param("/usr/../root/secret", "", id="by-a-detour"),
        pytest.param("/scriptsX", "", id="only-like-a-mount"),
    ],
)
def test_a_path_is_looked_up_where_the_container_sees_it(inside, outside):
    sources = {"/scripts": "/run/pod/scripts", "/etc/hosts": "/run/pod/hosts"}

    assert outside_path(inside, sources, frozenset({"bin", "lib"})) == outside
