"""The page of an image's web server: a file that people change, or take away, from inside its container.

A stand-in has no files. Who enters its container finds this one, and it answers as the file then says.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import NamedTuple

from netemu.runtime.container import Mount
from netemu.runtime.syscalls import read_in_root
from netemu.standin.catalogue import Catalogue

_MOST_BYTES = 1024 * 1024


class Page(NamedTuple):
    """Where a server's page is in its container, and what it says at first."""

    path: str
    text: str

    def below(self, mount_path: str) -> str | None:
        """Say where in what is mounted there the page is: ``/index.html``, or empty if it is just that."""
        point = mount_path.rstrip("/")
        is_inside = self.path == point or self.path.startswith(f"{point}/")
        return self.path[len(point) :] if is_inside else None


PAGES = {
    "httpd": Page("/usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>\n"),
    "nginx": Page(
        "/usr/share/nginx/html/index.html",
        "<!DOCTYPE html>\n<html>\n<head><title>Welcome to nginx!</title></head>\n"
        "<body><h1>Welcome to nginx!</h1></body>\n</html>\n",
    ),
}


def place(pod_directory: Path, id: str) -> Path:
    """Say where the page of one attempt of a container is on the machine, once somebody entered it."""
    return pod_directory / "pages" / id / "index.html"


def mount(image: str, catalogue: Catalogue, pod_directory: Path, id: str) -> tuple[Mount, ...]:
    """Make the page of a container that is entered, and say where it is mounted; nothing for most images."""
    found = catalogue.find(image)
    page = PAGES.get(found.app or "") if found is not None else None
    if page is None:
        return ()
    file = place(pod_directory, id)
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True)
        file.write_text(page.text)
    return (Mount(source=str(file.parent), target=posixpath.dirname(page.path), read_only=False),)


def changed(app: str, file: str, root: str) -> bytes | None:
    """Read a page that is not what it was at first: empty if it is gone, ``None`` if nobody changed it.

    Links are followed as if ``root``, which has the page below it, were all there is: containers make them.
    """
    if not file or not Path(file).parent.is_dir():
        return None
    try:
        text = read_in_root(root, os.path.relpath(file, root), _MOST_BYTES)
    except OSError:
        return b""
    return None if text == PAGES[app].text.encode() else text
