"""A kubeconfig with one cluster more, or less; everything else in it stays as it was. Pure.

The text is edited line by line, so that comments, order and quoting survive. What was edited is
read again and compared with what it should say; where the edit does not hold (a layout that
nobody foresaw), the whole file is written anew from its values.

Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NamedTuple

import yaml

from netemu.errors import NetemuError

Config = dict[str, Any]

LISTS = ("clusters", "contexts", "users")
CURRENT = "current-context"


class KubeconfigError(NetemuError):
    """A kubeconfig that is better left alone."""

    code = "CLUSTER_KUBECONFIG"


class Entry(NamedTuple):
    """One cluster, with the user who may do everything; PEM files as bytes."""

    name: str
    server: str
    ca: bytes
    certificate: bytes
    key: bytes

    def items(self) -> dict[str, Config]:
        """Give what goes to the end of each list."""
        cluster = {"certificate-authority-data": _encoded(self.ca), "server": self.server}
        user = {
            "client-certificate-data": _encoded(self.certificate),
            "client-key-data": _encoded(self.key),
        }
        return {
            "clusters": {"cluster": cluster, "name": self.name},
            "contexts": {"context": {"cluster": self.name, "user": self.name}, "name": self.name},
            "users": {"name": self.name, "user": user},
        }


def context_name(cluster: str) -> str:
    """Name the context of a cluster: ``netemu``, or ``netemu-<name>``."""
    return cluster if cluster == "netemu" else f"netemu-{cluster}"


def render(entry: Entry) -> str:
    """Write a kubeconfig that has nothing but this cluster."""
    return merged("", entry)


def merged(text: str, entry: Entry) -> str:
    """Give a kubeconfig with the cluster in it, and its context the current one.

    Raises:
        KubeconfigError: the text is no kubeconfig.

    """
    before = parse(text)
    items = entry.items()
    after = _without(before, entry.name) or {"apiVersion": "v1", "kind": "Config"}
    for listed, item in items.items():
        after[listed] = [*(after.get(listed) or []), item]
    after[CURRENT] = entry.name
    return _settled(text, before, after)


def removed(text: str, name: str, previous: str) -> str:
    """Give a kubeconfig without a cluster; if its context is the current one, ``previous`` is again.

    Raises:
        KubeconfigError: the text is no kubeconfig.

    """
    before = parse(text)
    after = _without(before, name)
    if before.get(CURRENT) == name:
        known = {item.get("name") for item in after.get("contexts") or []}
        after[CURRENT] = previous if previous in known else ""
    return _settled(text, before, after)


def current_context(text: str) -> str:
    """Read which context is the current one.

    Raises:
        KubeconfigError: the text is no kubeconfig.

    """
    return str(parse(text).get(CURRENT) or "")


def is_empty(text: str) -> bool:
    """Tell whether a kubeconfig names nothing at all."""
    config = parse(text)
    return not any(config.get(listed) for listed in LISTS)


def parse(text: str) -> Config:
    """Read a kubeconfig; an empty one is an empty mapping.

    Raises:
        KubeconfigError: it cannot be read, or is something else.

    """
    try:
        loaded = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as err:
        raise KubeconfigError(f"it is not YAML: {' '.join(str(err).split())}") from err
    if loaded is None:
        return {}
    lists = [loaded.get(listed) or [] for listed in LISTS] if isinstance(loaded, dict) else [None]
    if not all(isinstance(each, list) and all(isinstance(i, dict) for i in each) for each in lists):
        raise KubeconfigError("it is no kubeconfig")
    return dict(loaded)


def _without(config: Config, name: str) -> Config:
    left = dict(config)
    for listed in LISTS:
        if any(item.get("name") == name for item in left.get(listed) or []):
            left[listed] = [item for item in left[listed] if item.get("name") != name]
    return left


def _settled(text: str, before: Config, after: Config) -> str:
    """Give text that says ``after``: edited if that is possible, else written anew."""
    if after == before:
        return text
    if text.lstrip().startswith("{"):
        return json.dumps(after, indent=2) + "\n"
    edited = text
    for key in after:
        if after[key] != before.get(key):
            edited = _replaced(edited, key, before.get(key), after[key])
    try:
        if parse(edited) == after:
            return edited
    except KubeconfigError:
        pass  # the edit did not hold: see below
    return _dump(after)


def _replaced(text: str, key: str, before: Any, after: Any) -> str:
    """Give the text with another value of one key at its top, line by line."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    start, end = _extent(lines, key)
    if start < 0:
        return "".join([*lines, _dump({key: after})])
    if not isinstance(after, list) or not before or not after:
        return "".join([*lines[:start], _dump({key: after}), *lines[end:]])
    kept = _items(lines, start, end)
    if len(kept) != len(before):
        return "".join([*lines[:start], _dump({key: after}), *lines[end:]])
    rest = [chunk for chunk, item in zip(kept, before, strict=True) if item in after]
    new = [item for item in after if item not in before]
    head = lines[start : start + 1] + _leading(lines, start, end)
    indent = _dash(rest[0] if rest else kept[0])
    return "".join([*lines[:start], *head, *(line for chunk in rest for line in chunk)]) + "".join(
        [*(f"{indent}{line}" for line in _dump(new).splitlines(keepends=True) if new), *lines[end:]]
    )


def _extent(lines: list[str], key: str) -> tuple[int, int]:
    """Give the lines of a key at the top: its own, and all that are indented or are list items.

    Comments and blank lines before the next key are that one's.
    """
    own = re.compile(rf"""["']?{re.escape(key)}["']?\s*:""")
    start = next((number for number, line in enumerate(lines) if own.match(line)), -1)
    end = start + 1
    while 0 < end < len(lines) and re.match(r"[ \t#-]|\r?\n", lines[end]) and lines[end][:3] != "---":
        end += 1
    while end > start + 1 and lines[end - 1].strip()[:1] in ("", "#"):
        end -= 1
    return start, end


def _items(lines: list[str], start: int, end: int) -> list[list[str]]:
    """Cut a list into the lines of its items; comments belong to the item before them."""
    first = start + 1 + len(_leading(lines, start, end))
    if first >= end:
        return []
    dash = re.compile(re.escape(_dash(lines[first:end])) + r"-(\s|$)")
    chunks: list[list[str]] = []
    for line in lines[first:end]:
        if dash.match(line):
            chunks.append([])
        chunks[-1].append(line)
    return chunks


def _leading(lines: list[str], start: int, end: int) -> list[str]:
    """Give the comments and blank lines between a list's key and its first item."""
    found = []
    for line in lines[start + 1 : end]:
        if line.lstrip().startswith("-"):
            break
        found.append(line)
    return found


def _dash(lines: list[str]) -> str:
    return lines[0][: len(lines[0]) - len(lines[0].lstrip())]


def _dump(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=False, width=1 << 20))


def _encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
