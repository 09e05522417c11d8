"""Pages of web servers: files in containers that are entered, which stand-ins answer with."""

from __future__ import annotations

import pytest

from netemu.agnhost.model import Request
from netemu.runtime.container import AppSpec, Port
from netemu.standin import pages
from netemu.standin.apps.registry import build
from netemu.standin.catalogue import built_in

HTTPD = "registry.k8s.io/e2e-test-images/httpd:2.4.38-4"


@pytest.fixture
def directory(tmp_path):
    """A container's page, mounted for whoever entered it."""
    (mount,) = pages.mount(HTTPD, built_in(), tmp_path, "id")
    assert mount.target == "/usr/local/apache2/htdocs"
    assert not mount.read_only
    return tmp_path


def test_most_images_have_no_page(tmp_path):
    assert pages.mount("busybox", built_in(), tmp_path, "id") == ()
    assert pages.mount("unheard-of", built_in(), tmp_path, "id") == ()


def test_a_page_that_nobody_changed_says_nothing(directory):
    assert pages.changed("httpd", str(pages.place(directory, "id")), str(directory)) is None


def test_a_container_that_nobody_entered_has_no_page(tmp_path):
    assert pages.changed("httpd", str(pages.place(tmp_path, "id")), str(tmp_path)) is None
    assert pages.changed("httpd", "", "/") is None


def test_entering_again_leaves_what_was_written(directory):
    pages.place(directory, "id").write_text("mine")
    pages.mount(HTTPD, built_in(), directory, "id")

    assert pages.changed("httpd", str(pages.place(directory, "id")), str(directory)) == b"mine"


@pytest.fixture
def get(directory):
    """Ask the stand-in of the container for a path."""
    page = str(pages.place(directory, "id"))
    ports = (Port(number=80),)
    spec = AppSpec(id="id", app="httpd", netns="n", log_path="l", ports=ports, page=page)
    (listener,) = build(spec, None)
    return lambda path: listener.service.answer(Request("GET", path, client=("10.0.0.1", 1)))


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_a_server_answers_with_what_people_wrote(directory, get, path):
    pages.place(directory, "id").write_text("mine")

    assert get(path).body == b"mine"


def test_a_server_without_its_page_says_that_it_is_not_there(directory, get):
    pages.place(directory, "id").unlink()

    assert (get("/index.html").status, get("/else").status) == (404, 200)


def test_a_server_whose_page_nobody_changed_says_who_it_is(get):
    assert b"It works!" in get("/").body
    assert get("/index.html").status == 200


@pytest.mark.parametrize("way", ["/", "../../../../../../../"])
def test_no_link_that_a_container_makes_leads_out(directory, tmp_path_factory, way):
    secret = tmp_path_factory.mktemp("machine") / "secret"
    secret.write_text("of the machine")
    page = pages.place(directory, "id")
    page.unlink()
    page.symlink_to(way + str(secret).lstrip("/"))

    assert pages.changed("httpd", str(page), str(directory)) == b""


def test_a_link_within_a_volume_is_followed(directory):
    page = pages.place(directory, "id")
    page.rename(page.with_name("data"))
    page.with_name("data").write_text("mine")
    page.symlink_to("data")

    assert pages.changed("httpd", str(page), str(directory)) == b"mine"


@pytest.mark.parametrize(
    ("mounted", "inside"),
    [
        ("/usr/share/nginx/html", "/index.html"),
        ("/usr/share/nginx/", "/html/index.html"),
        ("/usr/share/nginx/html/index.html", ""),
        ("/usr/share/nginx/htm", None),
        ("/etc", None),
    ],
)
def test_a_volume_may_have_the_page(mounted, inside):
    assert pages.PAGES["nginx"].below(mounted) == inside
