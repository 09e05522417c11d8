from __future__ import annotations

import pytest

from netemu.agnhost import command, generator, incluster, mounttest, resolver
from netemu.agnhost.command import APPS, RUNS, main
from netemu.agnhost.model import AppError


@pytest.mark.parametrize("place", [*RUNS.values(), *APPS.values()])
def test_every_subcommand_exists(place):
    module, _, function = place.partition(".")
    found = __import__(f"netemu.agnhost.{module}", fromlist=[function])

    assert callable(getattr(found, function))


def test_help_names_the_subcommands(capsys):
    assert main(["/agnhost", "help"]) == 0
    assert {"netexec", "connect", "porter", "pause"} <= set(capsys.readouterr().out.split())


def test_the_version_is_told(capsys):
    assert main(["/agnhost", "--version"]) == 0
    assert capsys.readouterr().out.startswith("app version 2.")


def test_an_unknown_subcommand_fails(capsys):
    assert main(["/agnhost", "dance"]) == 1
    assert "unknown command 'dance' for \"app\"" in capsys.readouterr().err


def test_the_entrypoint_tester_prints_its_command_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/agnhost-2", "entrypoint-tester", "override", "arguments"])

    assert main(["/agnhost-2", "entrypoint-tester", "override", "arguments"]) == 0
    assert capsys.readouterr().out == "[/agnhost-2 entrypoint-tester override arguments]\n"


@pytest.mark.parametrize(
    ("name", "args", "code", "delay_s"),
    [
        pytest.param("netexec", (), 0, 0.0, id="netexec"),
        pytest.param("netexec", ("--delay-shutdown=9",), 0, 9.0, id="slowly"),
        pytest.param("serve-hostname", (), 0, 60.0, id="serve-hostname"),
        pytest.param("test-webserver", (), 2, 0.0, id="as-go-does"),
    ],
)
def test_each_server_ends_as_the_original_when_it_is_told_to(name, args, code, delay_s):
    ending = command.ending_of(name, args)

    assert (ending.code, ending.delay_s) == (code, delay_s)


def test_the_search_list_and_the_first_server_are_found():
    text = "search a.b c.d\nnameserver 10.96.0.10\nnameserver 10.96.0.11\noptions ndots:5\n"

    assert resolver.words_after("search", text) == ["a.b", "c.d"]
    assert resolver.words_after("nameserver", text) == ["10.96.0.10"]
    assert resolver.words_after("sortlist", text) is None


def test_generated_lines_look_like_an_api_server_s():
    words = generator.line(7).split()

    assert words[0] == "7"
    assert words[1] in {"GET", "POST", "PUT"}
    assert words[2].startswith("/api/v1/namespaces/")
    assert 200 <= int(words[3]) < 600


@pytest.mark.parametrize("args", [(), ("-t", "5"), ("--log-lines-total=0", "--run-duration=1s")])
def test_a_generator_needs_to_know_how_much(args):
    with pytest.raises(AppError, match="Invalid"):
        generator.run(args)


def test_tokens_are_told_apart_without_being_told():
    assert incluster.token_hash("a") != incluster.token_hash("b")
    assert len(incluster.token_hash("a")) == 43


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (0o100644, "-rw-r--r--"),
        (0o040777, "drwxrwxrwx"),
        (0o041777, "dtrwxrwxrwx"),
        (0o104755, "urwxr-xr-x"),
        (0o600, "-rw-------"),
    ],
)
def test_modes_are_written_as_go_writes_them(mode, text):
    assert mounttest.render_mode(mode) == text


def test_mounttest_makes_files_and_says_what_they_are(tmp_path, capsys):
    path = str(tmp_path / "f")

    assert mounttest.run((f"--new_file_0660={path}", f"--file_perm={path}", f"--file_mode={path}")) == 0
    assert capsys.readouterr().out.splitlines() == [
        f'content of file "{path}": mount-tester new file',
        "",
        f'mode of file "{path}": -rw-rw----',
        f'perms of file "{path}": -rw-rw----',
    ]


def test_mounttest_fails_for_what_is_not_there(tmp_path, capsys):
    path = str(tmp_path / "nope")

    assert mounttest.run((f"--file_content={path}", f"--file_owner={path}")) == 1
    assert capsys.readouterr().out.splitlines() == [
        f'error from stat("{path}"): stat {path}: no such file or directory',
        f'error reading file content for "{path}": open {path}: no such file or directory',
    ]
