"""[IO] Files to documents, all of them checked before anything is done with the first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from netemu.api import codec, schema
from netemu.api.crd import names
from netemu.api.crd.definition import kinds_of
from netemu.api.crd.rules import check_definition
from netemu.api.defaulting import default
from netemu.api.errors import ApiError, Cause
from netemu.api.kinds import BY_GVK, CUSTOM_RESOURCE_DEFINITION, KINDS, Kind
from netemu.cli.failures import render_causes
from netemu.cli.resources import UsageError, no_more
from netemu.cli.target import Target
from netemu.errors import NetemuError

SUFFIXES = (".yaml", ".yml", ".json")
STANDARD_INPUT = "-"


class ManifestsError(NetemuError):
    """Something in the files is wrong; the message names each file, line, object and field."""

    code = "CLI_MANIFESTS_INVALID"


@dataclass(frozen=True, kw_only=True)
class Document:
    """One object that a user wants, with its namespace filled in, and where it stands."""

    kind: Kind
    obj: dict[str, Any]
    place: Callable[[str], str]

    @property
    def name(self) -> str:
        """The object's name, empty when the server is to make one."""
        return str(self.obj["metadata"].get("name", ""))

    @property
    def namespace(self) -> str:
        """The object's namespace, empty for cluster-scoped kinds."""
        return str(self.obj["metadata"].get("namespace", ""))

    def renamed(self, name: str) -> Document:
        """Give the same document with the name that the server made."""
        return replace(self, obj={**self.obj, "metadata": {**self.obj["metadata"], "name": name}})

    def title(self) -> str:
        """Render ``Service default/web``."""
        name = self.name or str(self.obj["metadata"].get("generateName", ""))
        return f"{self.kind.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind.kind} {name}"


def read_documents(
    paths: Sequence[str],
    target: Target,
    *,
    recursive: bool = False,
    more: Callable[[], tuple[Kind, ...]] = no_more,
) -> list[Document]:
    """Read all objects of files, directories and standard input (``-``).

    ``more`` gives kinds that are not built in; those that the same files define are known too.

    Raises:
        UsageError: no file, or no object in them.
        ManifestError, ManifestsError: a file cannot be read, or an object in it is wrong.

    """
    if not paths:
        raise UsageError("must specify --filename (-f)")
    found = [
        document
        for source, text in _texts(paths, recursive=recursive)
        for document in codec.decode_documents(text, source)
    ]
    documents, problems = [], []
    known = partial(_with_own, [each.object for each in found], more)
    for each in found:
        document, wrong = check_document(each, target, known)
        problems += wrong
        documents += [document] if document else []
    if problems:
        raise ManifestsError("\nerror: ".join(problems), hint="Nothing was changed.")
    if not documents:
        raise UsageError(f"no objects found in {', '.join(paths)}")
    return documents


def document_of(kind: Kind, obj: dict[str, Any]) -> Document:
    """Make a document of an object that no file describes."""
    return Document(kind=kind, obj=obj, place=lambda _path: "")


def check_document(
    read: codec.Document, target: Target, more: Callable[[], tuple[Kind, ...]] = no_more
) -> tuple[Document | None, list[str]]:
    """Find the kind of a document and compare it with the published shape of that kind. Pure."""
    at = f"{read.source}:{read.line}"
    kind, problem = _kind_of(read.object, more)
    if kind is None:
        return None, [f"{at}: {problem}"]
    metadata = read.object.get("metadata")
    if not isinstance(metadata, dict) or not (metadata.get("name") or metadata.get("generateName")):
        return None, [f"{at}: {kind.kind}: metadata.name: Required value: name or generateName is required"]
    document = Document(
        kind=kind,
        obj={**read.object, "metadata": _placed(kind, metadata, target)},
        place=lambda path: f"{read.source}:{read.line_of(path)}: ",
    )
    findings = schema.check(kind, read.object)
    problems = [_finding(document, cause) for cause in (*findings.unknown, *findings.wrong)]
    if kind.namespaced and target.namespace not in {"", document.namespace}:
        problems.append(
            f"{document.place('metadata.namespace')}{document.title()}: the namespace from the provided"
            f' object "{document.namespace}" does not match the namespace "{target.namespace}".'
        )
    return document, problems


def located(document: Document, error: ApiError) -> NetemuError:
    """Say in which file, line and object the refused field is; without a file, give the error itself."""
    path = error.causes[0].field if error.causes else ""
    place = document.place(path)
    if not place:
        return error
    lines = (
        [
            f"{document.place(cause.field)}{document.title()}: {cause.field}: {cause.message}"
            for cause in error.causes
        ]
        if error.causes
        else [f"{place}{document.title()}: {line}" for line in render_causes(error)]
    )
    return ManifestsError("\nerror: ".join(lines), hint=error.hint)


def _finding(document: Document, cause: Cause) -> str:
    field = "" if cause.field and cause.field in cause.message else f"{cause.field}: "
    return f"{document.place(cause.field)}{document.title()}: {field}{cause.message}"


def _with_own(objects: list[dict[str, Any]], more: Callable[[], tuple[Kind, ...]]) -> tuple[Kind, ...]:
    """Give the kinds that some of these objects define, and those beyond."""
    definitions = [
        names.named(default(CUSTOM_RESOURCE_DEFINITION, obj), (), 0.0)
        for obj in objects
        if obj.get("kind") == CUSTOM_RESOURCE_DEFINITION.kind and not _findings(obj)
    ]
    return (*(kind for crd in definitions for kind in kinds_of(crd)), *more())


def _findings(crd: dict[str, Any]) -> bool:
    found = schema.check(CUSTOM_RESOURCE_DEFINITION, crd)
    return bool(found.wrong or found.missing) or any(
        check_definition(default(CUSTOM_RESOURCE_DEFINITION, crd), None)
    )


def _kind_of(obj: dict[str, Any], more: Callable[[], tuple[Kind, ...]]) -> tuple[Kind | None, str]:
    version, word = obj.get("apiVersion"), obj.get("kind")
    if not isinstance(word, str) or not word:
        return None, "kind is not set: an object needs apiVersion and kind"
    if not isinstance(version, str) or not version:
        return None, f"{word}: apiVersion is not set: an object needs apiVersion and kind"
    group, _, number = version.rpartition("/")
    kind = BY_GVK.get((group, number, word))
    if kind is not None:
        return kind, ""
    for custom in more():
        if (custom.group, custom.version, custom.kind) == (group, number, word):
            return custom, ""
    others = sorted(each.api_version for each in KINDS if each.kind == word)
    known = f"it is of {', '.join(others)}" if others else _similar(word, [*KINDS, *more()])
    return None, f'no matches for kind "{word}" in version "{version}"{known and f" ({known})"}'


def _similar(word: str, kinds: Sequence[Kind]) -> str:
    """Guess which kind was meant; empty when none is close."""
    spelt = {kind.kind.lower(): kind.kind for kind in kinds}
    near = get_close_matches(word.lower(), spelt, n=3)
    return f"did you mean {' or '.join(spelt[name] for name in near)}?" if near else ""


def _placed(kind: Kind, metadata: dict[str, Any], target: Target) -> dict[str, Any]:
    if not kind.namespaced:
        return {key: value for key, value in metadata.items() if key != "namespace"}
    return {**metadata, "namespace": metadata.get("namespace") or target.namespace_or_default}


def _texts(paths: Sequence[str], *, recursive: bool) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path == STANDARD_INPUT:
            yield "STDIN", sys.stdin.read()
        else:
            for file in _files(Path(path), recursive=recursive):
                yield str(file), _read(file)


def _files(path: Path, *, recursive: bool) -> list[Path]:
    if not path.exists():
        raise UsageError(f'the path "{path}" does not exist')
    if not path.is_dir():
        return [path]
    inside = path.rglob("*") if recursive else path.iterdir()
    files = sorted(file for file in inside if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise UsageError(
            f"error reading [{path}]: recognized file extensions are {', '.join(SUFFIXES)}",
            hint="-R goes into the directories below it." if not recursive else "",
        )
    return files


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"{file} cannot be read: {err}") from err
