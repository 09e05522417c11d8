"""The program as a whole: words, help, and how errors end."""

import subprocess
import sys

import pytest

from netemu import __version__
from netemu.cli.app import main
from netemu.cli.words import PLACES


@pytest.fixture
def netemu(tmp_path, monkeypatch, capsys):
    """Run the program where no cluster is; gives exit status, output and errors."""
    monkeypatch.setenv("NETEMU_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("NETEMU_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path))

    def run(*words):
        with pytest.raises(SystemExit) as caught:
            main(words)
        return caught.value.code or 0, *capsys.readouterr()

    return run


def test_help_names_every_word(netemu):
    status, output, _ = netemu("--help")

    assert status == 0
    assert all(f"  {word} " in output for word in PLACES)


@pytest.mark.parametrize("word", PLACES)
def test_every_word_has_help(netemu, word):
    assert f"Usage: netemu {word}" in netemu(word, "-h")[1]


def test_help_loads_no_library_that_takes_long():
    heavy = {"asyncio", "msgspec", "yaml", "rich", "h11", "aiohttp", "pyroute2"}
    code = (
        "import sys; from netemu.cli.app import program; from netemu.cli.words import PLACES;"
        f"program(PLACES); print(*{heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"


def test_the_program_is_a_module_too():
    done = subprocess.run(
        [sys.executable, "-m", "netemu", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"netemu {__version__}\n"


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        pytest.param(["get", "pods"], 1, "error: cluster 'netemu' does not run", id="no-cluster"),
        pytest.param(["get", "pods", "--name", "two"], 1, "netemu up --name two", id="says-how-to-start-it"),
        pytest.param(["get", "gadgets"], 1, 'a resource type "gadgets"', id="unknown-kind"),
        pytest.param(["get"], 1, "You must specify the type", id="no-kind"),
        pytest.param(["apply"], 1, "must specify --filename", id="no-file"),
        pytest.param(
            ["apply", "-f", "none.yaml"], 1, 'the path "none.yaml" does not exist', id="missing-file"
        ),
        pytest.param(["create"], 1, "must specify one of -f", id="nothing-to-create"),
        pytest.param(["exec", "web"], 1, "at least one command", id="no-command"),
        pytest.param(["logs"], 1, "expected 'logs POD'", id="no-pod"),
        pytest.param(["wait", "pod/a", "--for", "x"], 1, "unrecognized condition", id="no-condition"),
        pytest.param(["get", "pods", "-o", "toml"], 1, "unable to match a printer", id="no-format"),
        pytest.param(["scale", "deploy/web"], 2, "--replicas", id="missing-option"),
        pytest.param(["node", "exec", "node-1"], 1, "a command is missing", id="no-program"),
        pytest.param(["up", "--nodes", "0"], 1, "--nodes: must be at least 1", id="setting"),
        pytest.param(["status"], 1, "there is no cluster named 'netemu'", id="no-status"),
        pytest.param(["edit", "pod/a"], 1, "netemu leaves `edit pod/a` to kubectl", id="word-of-kubectl"),
        pytest.param(["frobnicate"], 2, "No such command 'frobnicate'", id="no-such-word"),
    ],
)
def test_an_expected_error_is_a_sentence_and_an_exit_status(netemu, words, status, error):
    found, output, errors = netemu(*words)

    assert (found, output) == (status, "")
    assert error in errors


def test_the_cluster_can_be_named_by_the_environment(netemu, monkeypatch):
    monkeypatch.setenv("NETEMU_CLUSTER", "three")

    assert "'three'" in netemu("get", "pods")[2]
