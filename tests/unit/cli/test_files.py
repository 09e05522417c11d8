"""What is copied from where to where."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from netemu.cli.files import CopyRequest, parse_copy
from netemu.cli.resources import UsageError


def request(local, namespace, pod, remote, *, to_pod):
    return CopyRequest(
        namespace=namespace,
        pod=pod,
        container="c",
        local=Path(local),
        remote=PurePosixPath(remote),
        to_pod=to_pod,
    )


@pytest.mark.parametrize(
    ("source", "destination", "meaning"),
    [
        pytest.param("a.txt", "web:/tmp/b", request("a.txt", "here", "web", "/tmp/b", to_pod=True), id="in"),
        pytest.param("web:/tmp/b", "a", request("a", "here", "web", "/tmp/b", to_pod=False), id="out"),
        pytest.param("x", "there/web:b", request("x", "there", "web", "b", to_pod=True), id="namespace"),
        pytest.param("./a:b", "web:c", request("./a:b", "here", "web", "c", to_pod=True), id="local-colon"),
        pytest.param("/a:b", "web:c", request("/a:b", "here", "web", "c", to_pod=True), id="absolute-colon"),
    ],
)
def test_one_end_is_in_a_pod(source, destination, meaning):
    assert parse_copy(source, destination, "here", "c") == meaning


@pytest.mark.parametrize(("source", "destination"), [("a", "b"), ("w:a", "v:b"), ("a", "w:"), ("", "w:/x")])
def test_other_copies_are_refused(source, destination):
    with pytest.raises(UsageError):
        parse_copy(source, destination, "here", "")
