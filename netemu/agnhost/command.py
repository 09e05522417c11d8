"""[IO] The program: its subcommands, which are imported when they are asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netemu.agnhost.flags import parse_flags, parse_number_flag
from netemu.agnhost.model import AppError
from netemu.agnhost.stderr import say

if TYPE_CHECKING:
    from netemu.agnhost.process import Ending

VERSION = "2.53"

RUNS = {
    "boom-server": "boom.run",
    "connect": "connect.run",
    "dns-server-list": "resolver.servers",
    "dns-suffix": "resolver.suffixes",
    "entrypoint-tester": "words.entrypoint",
    "etc-hosts": "resolver.hosts",
    "file-of-webserver": "words.file_of_webserver",
    "inclusterclient": "incluster.run",
    "logs-generator": "generator.run",
    "mounttest": "mounttest.run",
    "net": "closewait.run",
    "nonewprivs": "words.effective_user",
    "pause": "words.pause",
    "port-forward-tester": "streams.forward",
    "tcp-reset": "streams.reset",
    "test-service-account-issuer-discovery": "issuer.run",
}
"""Subcommands that do something themselves."""

APPS = {
    "coredns": "coredns.build",
    "crd-conversion-webhook": "conversion.build",
    "echo-basic": "echo_basic.build",
    "echo-server": "echo_basic.build_http_echo",
    "fake-gitserver": "gitserver.build",
    "grpc-health-checking": "grpc_health.build",
    "guestbook": "guestbook.build",
    "h2c-server": "grpc_health.build_h2c",
    "http-echo": "echo_basic.build_http_echo",
    "liveness": "liveness.build",
    "netexec": "netexec.build",
    "nettest": "nettest.build",
    "no-snat-test": "nosnat.build",
    "no-snat-test-proxy": "nosnat.build_proxy",
    "porter": "porter.build",
    "serve-hostname": "hostname.build",
    "test-webserver": "webserver.build",
    "webhook": "webhook.build",
}
"""Subcommands that serve until they are told to end."""

_SHUTS_DOWN = "Shutting down after receiving signal: terminated."
_AWAITS = "Awaiting pod deletion."


def main(argv: list[str]) -> int:
    """Run a subcommand; gives the exit code."""
    if argv[0].rpartition("/")[2] == "coredns":
        argv = [argv[0], "coredns", *argv[1:]]
    words = [word for word in argv[1:] if not word.startswith("-")][:1]
    if not words and not set(argv[1:]) & {"--version", "-v"}:
        return _help()
    if not words:
        print(f"app version {VERSION}")
        return 0
    position = argv.index(words[0])
    args = (*argv[1:position], *argv[position + 1 :])
    try:
        return _run(words[0], args)
    except AppError as err:
        say(str(err)) if words[0] in APPS else print(f"Error: {err}", file=sys.stderr)
        return err.exit_code


def _run(name: str, args: tuple[str, ...]) -> int:
    if name == "help" or set(args) & {"--help", "-h"}:
        return _help()
    if name in RUNS:
        return int(_find(RUNS[name])(args))
    if name in APPS:
        return _serve(name, args)
    raise AppError(f"unknown command {name!r} for \"app\"\nRun 'app --help' for usage.")


def _serve(name: str, args: tuple[str, ...]) -> int:
    if not any("tls" in word.lower() for word in (*args, *os.environ)):
        sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without: 4 MB, a third of its time
    from netemu.agnhost.process import run_app

    return run_app(_find(APPS[name]), args, ending_of(name, args), _started(name, args))


def ending_of(name: str, args: tuple[str, ...]) -> Ending:
    """Say what SIGTERM does to a server."""
    from netemu.agnhost.process import Ending

    if name in {"netexec", "nettest"}:
        flags = parse_flags(args, _find(APPS[name].replace("build", "FLAGS")))
        delay_s = parse_number_flag("delay-shutdown", flags["delay-shutdown"])
        words = (f"Sleeping {delay_s} seconds before terminating...",) if delay_s > 0 else ()
        return Ending(0, float(max(0, delay_s)), words)
    if name in {"serve-hostname", "http-echo", "echo-server"}:
        return Ending(0, 60.0, (_SHUTS_DOWN, _AWAITS))
    return Ending()


def _started(name: str, args: tuple[str, ...]) -> tuple[str, ...]:
    if name == "netexec":
        from netemu.agnhost.netexec import FLAGS

        flags = parse_flags(args, FLAGS)
        udp = () if flags["udp-port"] == "-1" else (f"Started UDP server on port  {flags['udp-port']}",)
        return (f"Started HTTP server on port {flags['http-port']}", *udp)
    if name == "serve-hostname":
        from netemu.agnhost.hostname import FLAGS as PORT_FLAGS

        return (f"Serving on port {parse_flags(args, PORT_FLAGS)['port']}.",)
    return ()


def _find(place: str) -> Any:
    module, _, function = place.partition(".")
    return getattr(import_module(f"netemu.agnhost.{module}"), function)


def _help() -> int:
    hidden = {"coredns", "file-of-webserver", "echo-basic"}
    names = "\n".join(f"  {name}" for name in sorted({*RUNS, *APPS} - hidden))
    print(f"Usage:\n  app [command]\n\nAvailable Commands:\n{names}")
    return 0


def start() -> None:
    """Run as a program."""
    try:
        code = main(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        code = 1
    os._exit(code)
