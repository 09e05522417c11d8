"""What becomes of a container: a command, an app that plays its image, or an error. Pure.

The catalogue is ``images.yaml``, which documents its own form; users add to it by a file of
the same form. It only answers for containers without a command: with one, whatever the image
is called, the command is run. But agnhost is agnhost, also if its name is given as the command.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from netemu.api.views.core import Container
from netemu.errors import SettingsError
from netemu.runtime.container import Mount, Port

App = Literal[
    "agnhost-http-echo",
    "agnhost-pause",
    "echo",
    "echo-basic",
    "echoserver",
    "guestbook",
    "http",
    "http-echo",
    "httpd",
    "kitten",
    "liveness",
    "nautilus",
    "netexec",
    "nginx",
    "no-snat-test",
    "no-snat-test-proxy",
    "pause",
    "porter",
    "serve-hostname",
    "test-webserver",
]


AGNHOST = "/agnhost"
_SHELL = ("sh",)

_AGNHOST_NAMES = (AGNHOST, "agnhost")
_AGNHOST_PACKAGE = "/.agnhost/netemu/agnhost"
_AGNHOST_FILES = {
    AGNHOST: "agnhost",
    f"{AGNHOST}-2": "agnhost",
    "/coredns": "agnhost",
    "/localhost.crt": "localhost.crt",
    "/localhost.key": "localhost.key",
}
_PLAYED: dict[str, App] = {
    "echo-server": "agnhost-http-echo",
    "guestbook": "guestbook",
    "http-echo": "agnhost-http-echo",
    "liveness": "liveness",
    "netexec": "netexec",
    "no-snat-test": "no-snat-test",
    "no-snat-test-proxy": "no-snat-test-proxy",
    "pause": "agnhost-pause",
    "porter": "porter",
    "serve-hostname": "serve-hostname",
    "test-webserver": "test-webserver",
}
_FLAGS_OF_PROCESSES = ("tls-", "sctp-port", "delay-shutdown", "help")
_TLS_PORT = "SERVE_TLS_PORT_"
_CERTIFICATE = "TLS_SERVER_CERT"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


class Image(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one image is played; the fields are explained in ``images.yaml``."""

    app: App | None = None
    ports: tuple[Annotated[int, Meta(ge=1, le=65535)] | str, ...] = (80,)
    implied: bool = False
    arguments: Literal["app", "command", "subcommand"] = "app"
    entrypoint: tuple[str, ...] = ()
    agnhost: bool = False
    worker: Literal["dns"] | None = None
    user: Annotated[int, Meta(ge=0)] = 0


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """Every image that needs no command, by the end of its repository's name."""

    images: dict[str, Image]

    def find(self, image: str) -> Image | None:
        """Find how an image is played; the longest name that matches wins."""
        parts = _repository(image).split("/")
        names = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((self.images[name] for name in names if name in self.images), None)

    def extended(self, other: Catalogue) -> Catalogue:
        """Give this catalogue with the other's entries added, or put in place of its own."""
        return Catalogue({**self.images, **other.images})


class Command(Struct, frozen=True):
    """Run a program in a sandbox; ``user`` is who it is unless its pod says otherwise."""

    argv: tuple[str, ...]
    user: int = 0


class Play(Struct, frozen=True, kw_only=True):
    """Let the stand-in server play it."""

    app: App
    args: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()


class Worker(Struct, frozen=True):
    """Run one of netemu's own processes."""

    name: Literal["dns"]
    args: tuple[str, ...] = ()


class UnknownImage(Struct, frozen=True):
    """Neither a command nor a known image (``ErrImagePull``); the message names the catalogue."""

    message: str


Decision = Command | Play | Worker | UnknownImage


def decide(container: Container, catalogue: Catalogue, *, is_waited_for: bool = False) -> Decision:
    """Decide what a container of a pod becomes; ``$(VAR)`` is expanded already.

    One whose end others wait for (``is_waited_for``) does not wait itself where its image is a shell.
    """
    image = catalogue.find(container.image)
    if image is not None and image.arguments == "subcommand":
        return _agnhost(container, image)
    user = image.user if image is not None else 0
    if container.command:
        return Command((*container.command, *container.args), user)
    if image is None:
        return UnknownImage(_unknown(container.image, catalogue))
    if image.worker is not None:
        return Worker(image.worker, container.args)
    if image.entrypoint or (container.args and image.arguments == "command"):
        return Command((*image.entrypoint, *container.args), user)
    if image.arguments == "command" and (container.stdin or is_waited_for):
        return Command(_SHELL, user)  # what these images run; it ends at once without anything to read
    if image.app == "echo-basic" and any(variable.name == _CERTIFICATE for variable in container.env):
        return Command((AGNHOST, "echo-basic"))
    return Play(app=image.app or "pause", args=container.args, ports=_ports(container, image))


@lru_cache(maxsize=1)
def built_in() -> Catalogue:
    """Give the catalogue that netemu brings."""
    source = resources.files("netemu.standin").joinpath("images.yaml")
    return parse_catalogue(source.read_text(), str(source))


def parse_catalogue(text: str, source: str) -> Catalogue:
    """Read a catalogue's YAML.

    Raises:
        SettingsError: it is not one; the message names ``source`` and the field.

    """
    try:
        catalogue = msgspec.convert(_load_yaml(text, source) or {"images": {}}, Catalogue)
        for name, image in catalogue.images.items():
            _check(name, image)
    except (msgspec.ValidationError, ValueError) as err:
        raise SettingsError(
            f"{source}: {err}", hint="images.yaml in netemu/standin explains every field."
        ) from err
    return catalogue


def parse_port(text: int | str, *, implied: bool = False) -> Port:
    """Read ``80`` or ``53/UDP``.

    Raises:
        ValueError: it is neither.

    """
    number, _, protocol = str(text).partition("/")
    if not number.isdecimal() or not 1 <= int(number) <= 65535:
        raise ValueError(f"port {text!r} is no number from 1 to 65535")
    match protocol:
        case "" | "TCP":
            return Port(number=int(number), implied=implied)
        case "UDP":
            return Port(number=int(number), protocol="UDP", implied=implied)
        case _:
            raise ValueError(f"port {text!r} is of neither TCP nor UDP")


def programs(image: str, catalogue: Catalogue) -> tuple[Mount, ...]:
    """Give what containers of an image find in their root directory: /agnhost, or nothing."""
    found = catalogue.find(image)
    if found is None or not (found.agnhost or found.arguments == "subcommand"):
        return ()
    return _agnhost_mounts()


@lru_cache(maxsize=1)
def _agnhost_mounts() -> tuple[Mount, ...]:
    source = resources.files("netemu.agnhost")
    return (
        Mount(source=str(source), target=_AGNHOST_PACKAGE),
        *(Mount(source=f"{source}/{name}", target=path) for path, name in _AGNHOST_FILES.items()),
    )


def _agnhost(container: Container, image: Image) -> Decision:
    """Decide who is agnhost: the stand-in server, or a process where one is needed or asked for."""
    first, *rest = container.command or (AGNHOST,)
    if first not in _AGNHOST_NAMES:
        return Command((*container.command, *container.args))
    words = (*rest, *container.args)
    if not words:
        return Play(app="agnhost-pause", ports=_ports(container, image))
    app = _PLAYED.get(words[0])
    if app is None or _needs_process(container, app, words[1:]):
        return Command((AGNHOST, *words))
    return Play(app=app, args=words[1:])


def _needs_process(container: Container, app: App, args: tuple[str, ...]) -> bool:
    if app == "test-webserver":
        return any(mount.mount_path != _TOKEN for mount in container.volume_mounts)
    if app == "porter" and any(variable.name.startswith(_TLS_PORT) for variable in container.env):
        return True
    return any(word.lstrip("-").startswith(_FLAGS_OF_PROCESSES) for word in args)


def _ports(container: Container, image: Image) -> tuple[Port, ...]:
    return _declared(container) or tuple(parse_port(port, implied=image.implied) for port in image.ports)


def _declared(container: Container) -> tuple[Port, ...]:
    return tuple(
        Port(number=port.container_port, protocol=port.protocol)
        for port in container.ports
        if port.protocol != "SCTP"
    )


def _repository(image: str) -> str:
    """Cut registry, tag and digest off an image's reference (distribution/reference's grammar)."""
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        name = rest
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def _unknown(image: str, catalogue: Catalogue) -> str:
    return (
        f'image "{image}" is neither in netemu\'s catalogue ({", ".join(sorted(catalogue.images))}) nor has '
        "the container a command: netemu pulls no images. Load it (netemu image load FILE), give the "
        "container a `command`, or add the image to the catalogue (images.yaml in the state directory)"
    )


def _check(name: str, image: Image) -> None:
    if sum((image.app is not None, image.worker is not None, bool(image.entrypoint))) != 1:
        raise ValueError(f"images.{name}: needs one of `app`, `worker` and `entrypoint`")
    for port in image.ports:
        parse_port(port)


def _load_yaml(text: str, source: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as err:
        raise SettingsError(f"{source}: not YAML: {err}") from err
