"""Where values of ConfigMaps and Secrets come from."""

import pytest

from netemu.cli.resources import UsageError
from netemu.cli.sources import read_values


@pytest.fixture
def files(tmp_path):
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "two.txt").write_text("2")
    (tmp_path / "env").write_text("# words\nA=b\n\nC=d=e\n")
    return tmp_path


def test_literals_are_taken_as_they_are():
    assert read_values(["a=b=c", "d="], [], []) == {"a": b"b=c", "d": b""}


def test_files_have_their_own_names_or_given_ones(files):
    assert read_values([], [f"{files}/one.txt", f"k={files}/two.txt"], []) == {"one.txt": b"1", "k": b"2"}


def test_a_directory_is_all_of_its_files(files):
    assert sorted(read_values([], [str(files)], [])) == ["env", "one.txt", "two.txt"]


def test_a_file_of_literals_may_have_comments(files):
    assert read_values([], [], [f"{files}/env"]) == {"A": b"b", "C": b"d=e"}


@pytest.mark.parametrize(
    ("literals", "sources", "words"),
    [
        (["a"], [], "expected key=value"),
        (["=b"], [], "expected key=value"),
        (["a=1", "a=2"], [], 'cannot add key "a"'),
        ([], ["/none"], "error reading /none"),
        ([], ["k=/tmp"], "cannot give a key name for a directory path"),
    ],
)
def test_what_cannot_be_read_is_told(literals, sources, words):
    with pytest.raises(UsageError, match=words):
        read_values(literals, sources, [])
