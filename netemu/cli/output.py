"""``-o``: objects as YAML, JSON, names or through a template."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from netemu.api.kinds import Kind
from netemu.cli.resources import UsageError, display_name

Item = tuple[Kind, dict[str, Any]]

TABLE_FORMATS = ("", "wide")
_TEXT_TAG = "tag:yaml.org,2002:str"
CUSTOM_COLUMNS = "custom-columns="
_FORMATS = ("json", "yaml", "name", "wide", "jsonpath=…", "custom-columns=… (get)")


def check_format(output: str) -> None:
    """Refuse an output format that does not exist.

    Raises:
        UsageError: it does not.

    """
    if output not in {"", "wide", "json", "yaml", "name"} and not output.startswith("jsonpath="):
        raise UsageError(
            f'unable to match a printer suitable for the output format "{output}"',
            hint=f"allowed formats are: {', '.join(_FORMATS)}; `netemu kubectl get …` has the others",
        )


def render(items: Sequence[Item], output: str, *, single: bool) -> str:
    """Render objects; ``single`` ones stand alone, others in a List. Ends with a line's end."""
    if output == "name":
        return "".join(f"{display_name(kind, obj['metadata']['name'])}\n" for kind, obj in items)
    document = document_of(items, single=single)
    if output.startswith("jsonpath="):
        from netemu.cli.jsonpath import render_template

        return render_template(output.removeprefix("jsonpath="), document)
    return _RENDERERS[output](document)


def document_of(items: Sequence[Item], *, single: bool) -> dict[str, Any]:
    """Give the one object, or a ``v1`` List."""
    objects = [complete(kind, obj) for kind, obj in items]
    if single and len(objects) == 1:
        return objects[0]
    return {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}


def complete(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """Put ``apiVersion`` and ``kind`` first, which objects in a list may lack."""
    return {"apiVersion": kind.api_version, "kind": kind.kind, **obj}


def without_managed_fields(obj: dict[str, Any]) -> dict[str, Any]:
    """Leave out who set which field, which few want to read."""
    metadata = obj.get("metadata") or {}
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def render_yaml(document: Any) -> str:
    """Render YAML as kubectl does: keys sorted, texts quoted where they would be read as something else."""
    import yaml

    class Dumper(yaml.CSafeDumper):
        """Chooses double quotes where PyYAML chooses single ones, and blocks for lines of text."""

    def represent(dumper: Any, text: str) -> yaml.ScalarNode:
        is_plain = text and dumper.resolve(yaml.ScalarNode, text, (True, False)) == _TEXT_TAG
        style = "|" if "\n" in text else None if is_plain else '"'
        return yaml.ScalarNode(_TEXT_TAG, text, style=style)

    Dumper.add_representer(str, represent)
    return str(yaml.dump(document, Dumper=Dumper, sort_keys=True, allow_unicode=True, width=10_000))


def render_json(document: Any) -> str:
    """Render JSON as kubectl does: four spaces, keys sorted."""
    return json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False) + "\n"


_RENDERERS: dict[str, Callable[[Any], str]] = {"yaml": render_yaml, "json": render_json}
