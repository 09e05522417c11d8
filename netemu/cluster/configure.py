"""Make the settings of a cluster from a file and options, and check them against each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from netemu.api import quantity, syntax
from netemu.api.codec import Document, ManifestError, decode_documents
from netemu.cluster.cni_files import read_cni
from netemu.cluster.configure_kubelet import check_kubelet, with_seconds
from netemu.cni.config import CniConfigError
from netemu.errors import SettingsError
from netemu.ipam.ranges import LabelledRange, check_apart, node_slice, parse_ranges
from netemu.settings import Settings

RANGES = {
    "host_cidr": ("hosts range", "--host-cidr"),
    "pod_cidr": ("pods range", "--pod-cidr"),
    "service_cidr": ("services range", "--service-cidr"),
}
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_OBJECT_OR_MAPPING = (
    "expected an object with apiVersion and kind",
    "settings are a mapping of names to values",
)
_DURATION = re.compile(r"(?P<plain>\d+(\.\d+)?)|((?P<h>\d+)h)?((?P<m>\d+)m)?((?P<s>\d+(\.\d+)?)s)?", re.ASCII)
_PORTS = re.compile(r"(\d+)-(\d+)")
_DEFAULTS = Settings()
_HOSTS_BESIDE_NODES = 13  # network, outside up to the tenth, this machine, broadcast


def load_settings(config_file: Path | None, options: Mapping[str, Any]) -> Settings:
    """Make settings: defaults, then the file, then the options (by field name) that are not None.

    Raises:
        SettingsError: names the file, its line, the field, or the option, and what it takes.

    """
    file = _read_file(config_file) if config_file else None
    raw = dict(file.object) if file else {}
    raw |= {_camel(name): value for name, value in options.items() if value is not None}
    raw |= {_camel(name): _as_list(raw[_camel(name)]) for name in RANGES if _camel(name) in raw}
    if "nodePortRange" in raw:
        raw["nodePortRange"] = str(raw["nodePortRange"])
    if "zones" in raw:
        raw["zones"] = _zone_names(raw["zones"])
    for name in ("nodeCpu", "nodeMemory", "nodeEphemeralStorage"):
        if name in raw:
            raw[name] = str(raw[name])
    if isinstance(raw.get("nodeMonitorGracePeriod"), str):
        raw["nodeMonitorGracePeriod"] = _seconds("--node-monitor-grace-period", raw["nodeMonitorGracePeriod"])
    if "kubelet" in raw:
        raw["kubelet"] = with_seconds(raw["kubelet"], _seconds)
    if raw.get("bridgeNetfilter") is False:
        raw["bridgeNetfilter"] = "off"  # what YAML 1.1 makes of an unquoted off
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as err:
        raise _named(err, file, options) from err
    try:
        check_settings(settings)
        return _with_cni_found(settings)
    except SettingsError as err:
        raise _located(err, file, options) from err


def settings_in(config_file: Path) -> frozenset[str]:
    """Name the settings that a file speaks of, as fields.

    Raises:
        SettingsError: it cannot be read.

    """
    return frozenset(map(_snake, _read_file(config_file).object))


def check_settings(settings: Settings) -> None:
    """Check what no type can say.

    Raises:
        SettingsError: names the setting and its value.

    """
    ranges = labelled_ranges(settings)
    check_apart(ranges)
    _check_families(ranges)
    _check_sizes(settings)
    if not _DOMAIN.fullmatch(settings.cluster_domain) or len(settings.cluster_domain) > 200:
        raise SettingsError(
            f"--cluster-domain: {settings.cluster_domain!r} is not a DNS name",
            hint="Lower-case letters, digits, '-' and '.', for example k8sprod.adaltas.cloud.",
        )
    _check_ports(settings.node_port_range)
    _check_nodes(settings)
    _check_proxy(settings)
    check_kubelet(settings.kubelet)


def labelled_ranges(settings: Settings) -> list[LabelledRange]:
    """Give the cluster's three ranges with their names and where they are set."""
    return [
        LabelledRange(network, label, option, is_default=getattr(settings, name) == getattr(_DEFAULTS, name))
        for name, (label, option) in RANGES.items()
        for network in parse_ranges(getattr(settings, name), option)
    ]


def differences(running: Settings, wanted: Settings, given: Iterable[str]) -> list[str]:
    """Name the settings that someone asked for and that a cluster has otherwise."""
    changed = []
    for name in sorted(given):
        old, new = getattr(running, name), getattr(wanted, name)
        if old != new:
            option = "--" + name.replace("_", "-")
            changed.append(f"{option} is {_text(old)}, not {_text(new)}")
    return changed


def _check_families(ranges: Iterable[LabelledRange]) -> None:
    """Refuse ranges that are not of the same families, in the same order."""
    families: dict[str, list[int]] = {}
    for given in ranges:
        families.setdefault(given.source, []).append(given.network.version)
    (first, wanted), *others = families.items()
    for option, found in others:
        if found != wanted:
            raise SettingsError(
                f"{option} has {_families(found)}, but {first} has {_families(wanted)}",
                hint="Hosts, pods and services need ranges of the same families, in the same order.",
            )


def _families(versions: Iterable[int]) -> str:
    return " and ".join(f"IPv{version}" for version in versions)


def _check_sizes(settings: Settings) -> None:
    """Refuse ranges that are too small for what must fit."""
    for pods in settings.pod_ranges:
        node_slice(pods, settings.max_pods, settings.nodes - 1)
    for hosts in settings.host_ranges:
        if hosts.num_addresses < settings.nodes + _HOSTS_BESIDE_NODES:
            raise SettingsError(
                f"--host-cidr: {hosts} has no room for {settings.nodes} nodes",
                hint="The first ten addresses and the last two are taken; give a wider range.",
            )
    for services in settings.service_ranges:
        if services.num_addresses < 16:
            raise SettingsError(
                f"--service-cidr: {services} has fewer than 16 addresses",
                hint="DNS alone takes the tenth; give a wider range.",
            )


def _check_ports(text: str) -> None:
    match = _PORTS.fullmatch(text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= first <= last <= 65535:
        raise SettingsError(
            f"--node-port-range: {text!r} is not a range of ports", hint="Write it as 30000-32767."
        )


def _check_nodes(settings: Settings) -> None:
    for zone in settings.zones:
        if syntax.label_value(zone) or not zone:
            raise SettingsError(
                f"--zones: {zone!r} cannot be the value of a label",
                hint="A number of zones, or names of letters, digits, '-', '_' and '.', at most 63.",
            )
    for option, amount in (
        ("--node-cpu", settings.node_cpu),
        ("--node-memory", settings.node_memory),
        ("--node-ephemeral-storage", settings.node_ephemeral_storage),
    ):
        if amount and not (quantity.is_valid(amount) and quantity.parse(amount) > 0):
            raise SettingsError(
                f"{option}: {amount!r} is no amount", hint="Write it as in a manifest: 4, 500m, 8Gi."
            )


def _check_proxy(settings: Settings) -> None:
    """Refuse wishes about Services that nobody here would fulfil."""
    for name in ("localhost_nodeports", "masquerade_all"):
        if settings.proxy_mode == "none" and getattr(settings, name):
            option = "--" + name.replace("_", "-")
            raise SettingsError(
                f"{option}: with --proxy-mode none nobody here serves Services",
                hint="Ask your own proxy for it.",
            )


def _with_cni_found(settings: Settings) -> Settings:
    """Check a CNI configuration of the user's while nothing is made yet; nodes find it from anywhere."""
    if settings.cni in ("", "none"):
        return settings
    path = Path(settings.cni).absolute()
    try:
        read_cni(path)
    except CniConfigError as err:
        raise SettingsError(f"--cni: {err.message}", hint=err.hint) from err
    return msgspec.structs.replace(settings, cni=str(path))


def _zone_names(value: Any) -> Any:
    """Give names of zones: as given, or (a number) zone-1 and so on."""
    text = str(value)
    if isinstance(value, int | str) and text.isdigit():
        return [f"zone-{number}" for number in range(1, int(text) + 1)]
    return _as_list(value)


def _seconds(option: str, text: str) -> float:
    """Read a number of seconds, or a duration as Kubernetes writes it."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise SettingsError(f"{option}: {text!r} is no duration", hint="Write it as 50s, 1m30s or 50.")
    if match["plain"]:
        return float(match["plain"])
    return sum(float(match[unit] or 0) * size for unit, size in (("h", 3600), ("m", 60), ("s", 1)))


def _read_file(path: Path) -> Document:
    try:
        documents = decode_documents(path.read_text(), str(path))
    except FileNotFoundError as err:
        raise SettingsError(f"--config: there is no file {path}") from err
    except OSError as err:
        raise SettingsError(f"--config: {path} cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise SettingsError(f"--config: {path} is no text file") from err
    except ManifestError as err:
        if (expected := _OBJECT_OR_MAPPING[0]) in err.message:
            raise SettingsError(err.message.replace(expected, _OBJECT_OR_MAPPING[1])) from err
        raise SettingsError(err.message, hint=err.hint) from err
    if len(documents) > 1:
        raise SettingsError(f"{path}:{documents[1].line}: settings are one document, not several")
    return documents[0] if documents else Document(source=str(path), line=1, object={})


def _named(err: msgspec.ValidationError, file: Document | None, options: Mapping[str, Any]) -> SettingsError:
    text = str(err)
    field = re.search(r"\$\.([\w.]+)", text) or re.search(r"unknown field `(\w+)`", text)
    name = field[1] if field else ""
    given = options.get(_snake(name)) or (file.object.get(name) if file else None)
    reason, hint = _worded(text.split(" - at ", maxsplit=1)[0], name, given)
    if options.get(_snake(name)) is not None:
        return SettingsError(f"--{_snake(name).replace('_', '-')}: {reason}", hint=hint)
    if file is None:
        return SettingsError(f"{name}: {reason}", hint=hint)
    return SettingsError(f"{file.source}:{file.line_of(name)}: {name}: {reason}", hint=hint)


def _located(err: SettingsError, file: Document | None, options: Mapping[str, Any]) -> SettingsError:
    """Say of settings that the file has, and no option, where they are instead of what option they are."""

    def place(option: re.Match[str]) -> str:
        name = _camel(option[1].replace("-", "_"))
        if file is None or name not in file.object or options.get(_snake(name)) is not None:
            return option[0]
        return f"{file.source}:{file.line_of(name)}: {name}"

    return type(err)(re.sub(r"--([a-z-]+)", place, err.message), hint=err.hint)


def _worded(reason: str, name: str, given: object) -> tuple[str, str]:
    """Give what is wrong with a setting, and what to do, in words for people."""
    if "unknown field" in reason:
        return "there is no such setting", f"Settings: {', '.join(map(_camel, Settings.__struct_fields__))}."
    if "matching regex" in reason:
        return f"{given!r} cannot be a name", "Lower-case letters, digits and '-', at most 20."
    if enum := re.fullmatch(r"Invalid enum value (.*)", reason):
        return f"{enum[1]} is none of its values", f"One of: {', '.join(_values(name))}."
    if bound := re.fullmatch(r"Expected `\w+` (<|>)= (\d+)(\.0)?", reason):
        return f"must be at {'least' if bound[1] == '>' else 'most'} {bound[2]}", ""
    if kinds := re.fullmatch(r"Expected `(\w+)`, got `(\w+)`", reason):
        wanted, given = (_TYPES.get(kind, kind) for kind in kinds.groups())
        return f"must be {wanted}, not {given}", ""
    return reason, ""


def _values(name: str) -> tuple[str, ...]:
    return get_args(get_type_hints(Settings)[_snake(name)])


def _as_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
