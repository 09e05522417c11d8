from __future__ import annotations

import inspect

import pytest

from netemu.agnhost import webserver
from netemu.agnhost.model import Address, Output, Request, Setting
from netemu.testing.surroundings import FakeSurroundings


@pytest.fixture
def root(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a b.txt").write_text("text")
    (tmp_path / "page").write_text("<html></html>")
    (tmp_path / "data").write_bytes(b"\0\1")
    (tmp_path / "sub/index.html").write_text("index")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("path", "status", "content_type", "body"),
    [
        pytest.param("/a%20b.txt", 200, "text/plain; charset=utf-8", b"text", id="a-file"),
        pytest.param("/page", 200, "text/html; charset=utf-8", b"<html></html>", id="a-page"),
        pytest.param("/data", 200, "application/octet-stream", b"\0\1", id="bytes"),
        pytest.param("/sub/", 200, "text/html; charset=utf-8", b"index", id="an-index"),
        pytest.param("/nope", 404, "text/plain; charset=utf-8", b"404 page not found\n", id="nothing"),
    ],
)
def test_files_are_served(root, path, status, content_type, body):
    answer = webserver.find(root + path)

    assert (answer.status, answer.content_type, answer.body) == (status, content_type, body)


def test_a_directory_lists_what_it_has(root):
    page = webserver.find(f"{root}/").body.decode()

    assert '<a href="a%20b.txt">a b.txt</a>\n<a href="data">data</a>\n<a href="page">' in page
    assert '<a href="sub/">sub/</a>' in page


@pytest.mark.parametrize(("path", "to"), [("/sub", "sub/"), ("/sub/index.html", "./")])
def test_names_that_mean_a_directory_lead_there(root, path, to):
    answer = webserver.find(root + path)

    assert (answer.status, dict(answer.headers)["Location"]) == (301, to)


async def test_who_has_no_files_asks_the_container_for_them(root):
    written = webserver.encode(webserver.find(f"{root}/page"))
    surroundings = FakeSurroundings(output=Output(written, 0))
    (listener,) = webserver.build_elsewhere(Setting((), {}, "web-1"), surroundings)
    answer = await listener.service.answer(Request("GET", "/page", client=Address("10.0.0.1", 1)))

    assert surroundings.ran == [(("/agnhost", "file-of-webserver", "/page"), b"")]
    assert (answer.status, answer.content_type, answer.body) == (
        200,
        "text/html; charset=utf-8",
        b"<html></html>",
    )


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(Output(b"Traceback", 1), id="a-fault"),
        pytest.param(Output(b"", 0), id="silence"),
        pytest.param(OSError("gone"), id="no-container"),
    ],
)
async def test_a_container_that_cannot_be_asked_is_an_error(output):
    (listener,) = webserver.build_elsewhere(Setting((), {}, "w"), FakeSurroundings(output=output))
    answer = await listener.service.answer(Request("GET", "/page", client=Address("10.0.0.1", 1)))

    assert answer.status == 500


def test_the_root_is_shown_without_asking():
    surroundings = FakeSurroundings()
    (listener,) = webserver.build_elsewhere(Setting((), {}, "w"), surroundings)
    answer = listener.service.answer(Request("GET", "/", client=Address("10.0.0.1", 1)))

    assert not inspect.isawaitable(answer)
    assert b'<a href="etc/">etc/</a>' in answer.body
    assert surroundings.ran == []


def test_redirects_survive_the_way_out_of_a_container(root):
    answer = webserver.decode(Output(webserver.encode(webserver.find(f"{root}/sub")), 0))

    assert (answer.status, dict(answer.headers)["Location"]) == (301, "sub/")
