"""The CNI protocol: requests from environment and standard input, answers as JSON.

Source: https://www.cni.dev/docs/spec/ (1.0.0 and 1.1.0). Only light modules are imported:
a plugin is a new process for each pod.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from netemu.errors import NetemuError

Json = dict[str, Any]

VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")

INCOMPATIBLE_VERSION = 1
INVALID_ENVIRONMENT = 4
UNDECODABLE = 6
INVALID_CONFIG = 7
PLUGIN_FAILED = 100  # codes from here on are a plugin's own
NOT_AS_EXPECTED = 101

_CONTAINER_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_NEEDS = {"ADD": "CNI_CONTAINERID CNI_NETNS CNI_IFNAME", "DEL": "CNI_CONTAINERID CNI_IFNAME"}
_NEEDS["CHECK"] = _NEEDS["ADD"]


class CniError(NetemuError):
    """A request that fails, with the specification's number for why."""

    code = "CNI_FAILED"

    def __init__(self, number: int, message: str, *, details: str = "") -> None:
        super().__init__(message, hint=details)
        self.number = number


class Request(NamedTuple):
    """One call of a plugin. ``args`` is CNI_ARGS, ``path`` is where delegates are looked for."""

    command: str
    container_id: str
    netns: str
    ifname: str
    args: Mapping[str, str]
    path: tuple[Path, ...]
    config: Json

    @property
    def version(self) -> str:
        """The protocol version of the configuration, which is that of the answer."""
        return str(self.config.get("cniVersion", "0.1.0"))


Handler = Callable[[Request], Json | None]


def parse_request(environ: Mapping[str, str], stdin: bytes) -> Request:
    """Read a request.

    Raises:
        CniError: the environment or the configuration is not as the specification says.

    """
    command = environ.get("CNI_COMMAND", "")
    if not command:
        raise CniError(INVALID_ENVIRONMENT, "CNI_COMMAND is not set: ADD, DEL, CHECK, STATUS, GC or VERSION")
    missing = [name for name in _NEEDS.get(command, "").split() if not environ.get(name)]
    if missing:
        raise CniError(INVALID_ENVIRONMENT, f"{', '.join(missing)} not set for CNI_COMMAND={command}")
    container_id, ifname = environ.get("CNI_CONTAINERID", ""), environ.get("CNI_IFNAME", "")
    check_names(container_id, ifname)
    return Request(
        command=command,
        container_id=container_id,
        netns=environ.get("CNI_NETNS", ""),
        ifname=ifname,
        args=parse_args(environ.get("CNI_ARGS", "")),
        path=tuple(Path(part) for part in environ.get("CNI_PATH", "").split(":") if part),
        config=_parse_config(stdin),
    )


def check_names(container_id: str, ifname: str) -> None:
    """Refuse names that the specification forbids: some become names of files and links."""
    if container_id and not _CONTAINER_ID.fullmatch(container_id):
        raise CniError(INVALID_ENVIRONMENT, f"CNI_CONTAINERID {container_id!r} is not a valid ID")
    bad = ifname in (".", "..") or len(ifname.encode()) > 15 or re.search(r"[/:\s]", ifname)
    if ifname and bad:
        raise CniError(INVALID_ENVIRONMENT, f"CNI_IFNAME {ifname!r} is not a valid interface name")


def parse_args(text: str) -> dict[str, str]:
    """Read CNI_ARGS: ``KEY=value;KEY=value``."""
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {key: value for key, _, value in pairs}


def render_args(args: Mapping[str, str]) -> str:
    """Write CNI_ARGS."""
    return ";".join(f"{key}={value}" for key, value in args.items())


def require_version(request: Request) -> None:
    """Refuse a configuration of a version that these plugins do not speak."""
    if request.version not in VERSIONS:
        raise CniError(
            INCOMPATIBLE_VERSION,
            f"cniVersion {request.version} is not supported",
            details=f"supported: {', '.join(VERSIONS)}",
        )


def error_json(error: NetemuError, version: str) -> Json:
    """Write a failure as the specification wants it."""
    number = error.number if isinstance(error, CniError) else PLUGIN_FAILED
    failure: Json = {"cniVersion": version, "code": number, "msg": error.message}
    return {**failure, "details": error.hint} if error.hint else failure


def serve(
    handlers: Mapping[str, Handler], environ: Mapping[str, str], stdin: bytes
) -> tuple[int, Json | None]:
    """Answer one request with the handler of its command; gives the exit code and the answer."""
    version = VERSIONS[-2]
    try:
        if environ.get("CNI_COMMAND") == "VERSION":
            asked = _parse_config(stdin or b"{}").get("cniVersion", version)
            return 0, {"cniVersion": asked, "supportedVersions": list(VERSIONS)}
        request = parse_request(environ, stdin)
        version = request.version
        return 0, answer(handlers, request)
    except NetemuError as error:
        return 1, error_json(error, version)


def answer(handlers: Mapping[str, Handler], request: Request) -> Json | None:
    """Do what a request asks; the answer is in the request's version."""
    require_version(request)
    handler = handlers.get(request.command)
    if handler is None:
        raise CniError(INVALID_ENVIRONMENT, f"CNI_COMMAND {request.command!r} is not known")
    result = handler(request)
    return None if result is None else for_version(result, request.version)


def for_version(result: Json, version: str) -> Json:
    """Write a result as its version wants it: before 1.0.0 each IP also says its family."""
    result = {"cniVersion": version, **{k: v for k, v in result.items() if k != "cniVersion"}}
    if version.startswith("0.") and "ips" in result:
        result["ips"] = [{"version": "6" if ":" in ip["address"] else "4", **ip} for ip in result["ips"]]
    return result


def main(handlers: Mapping[str, Handler], environ: Mapping[str, str]) -> NoReturn:
    """Be a plugin: read standard input, write standard output, exit with the right code."""
    exit_code, said = serve(handlers, environ, sys.stdin.buffer.read())
    if said is not None:
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
        sys.stdout.flush()
    sys.exit(exit_code)


def _parse_config(stdin: bytes) -> Json:
    try:
        config = json.loads(stdin)
    except ValueError as err:
        raise CniError(UNDECODABLE, f"the configuration is not JSON: {err}") from err
    if not isinstance(config, dict):
        raise CniError(INVALID_CONFIG, "the configuration is not a JSON object")
    return config
