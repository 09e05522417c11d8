"""Every word of ``netemu``, where its command is, and which words belong to kubectl itself. Pure.

A command line needs one command: only that one's module is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Section(NamedTuple):
    """A part of the help: its words, each with ``module:name`` below ``netemu.cli.commands``."""

    title: str
    words: Mapping[str, str]


SECTIONS = (
    Section(
        "The cluster",
        {
            "up": "clusters:up",
            "down": "clusters:down",
            "status": "clusters:status",
            "doctor": "clusters:doctor",
            "kubeconfig": "clusters:kubeconfig",
            "kubectl": "passing:kubectl",
            "image": "images:image_app",
            "cni": "nodes:cni_app",
        },
    ),
    Section(
        "Nodes",
        {
            "node": "nodes:node_app",
            "proxy": "nodes:proxy_app",
            "cordon": "nodecare:cordon",
            "uncordon": "nodecare:uncordon",
            "drain": "nodecare:drain",
            "taint": "nodecare:taint",
        },
    ),
    Section(
        "Objects",
        {
            "get": "objects:get",
            "describe": "objects:describe",
            "events": "events:events",
            "apply": "objects:apply",
            "create": "creation:create_app",
            "replace": "changes:replace",
            "patch": "changes:patch",
            "label": "changes:label",
            "annotate": "changes:annotate",
            "delete": "objects:delete",
            "wait": "objects:wait",
        },
    ),
    Section(
        "Workloads",
        {
            "run": "workloads:run",
            "expose": "workloads:expose",
            "scale": "workloads:scale",
            "set": "changes:set_app",
            "rollout": "rollouts:rollout_app",
        },
    ),
    Section(
        "Inside pods",
        {
            "exec": "pods:exec_",
            "attach": "streams:attach",
            "debug": "debugging:debug",
            "logs": "pods:logs",
            "port-forward": "streams:port_forward",
            "cp": "streams:cp",
            "top": "top:top_app",
        },
    ),
    Section(
        "The API",
        {
            "version": "server:version",
            "cluster-info": "server:cluster_info",
            "api-resources": "server:api_resources",
            "api-versions": "server:api_versions",
            "auth": "server:auth_app",
        },
    ),
)

PLACES: Mapping[str, str] = {word: place for section in SECTIONS for word, place in section.words.items()}

OF_KUBECTL = ("autoscale", "certificate", "diff", "edit", "explain", "kustomize", "proxy")
"""What kubectl does well and netemu does not do again."""
_OF_KUBECTL_BELOW = {
    "set": ("env", "resources", "selector", "serviceaccount", "sa", "subject"),
    "auth": ("reconcile",),
    "create": ("poddisruptionbudget", "pdb", "priorityclass", "pc", "quota", "resourcequota"),
    "apply": ("edit-last-applied", "set-last-applied", "view-last-applied"),
}
_OURS_BELOW = {"proxy": ("rules", "-h", "--help")}
_OPTIONS_OF_KUBECTL = ("-k", "--kustomize", "--server-side", "--prune")
_WITH_SUCH_OPTIONS = ("apply", "create", "delete", "describe", "get", "replace")
_FORMATS_OF_KUBECTL = ("go-template", "jsonpath-file", "jsonpath-as-json", "custom-columns-file", "kyaml")


def is_of_kubectl(word: str, next_word: str, arguments: Sequence[str] = ()) -> bool:
    """Tell whether the kubectl on the machine is to do this."""
    if word == "kubectl":
        return next_word not in ("", "-h", "--help")
    if next_word in _OURS_BELOW.get(word, ()):
        return False
    if word in OF_KUBECTL or next_word in _OF_KUBECTL_BELOW.get(word, ()):
        return True
    return word in _WITH_SUCH_OPTIONS and any(map(_is_option_of_kubectl, arguments))


def _is_option_of_kubectl(argument: str) -> bool:
    if argument.partition("=")[0] in _OPTIONS_OF_KUBECTL:
        return True
    value = argument.removeprefix("--output").removeprefix("-o").removeprefix("=")
    return value.startswith(_FORMATS_OF_KUBECTL)


def command_words(arguments: Sequence[str]) -> tuple[str, str]:
    """Find the command, and the word after it, behind global options that were moved to the front."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        with_value = rest[0] in ("-n", "--namespace", "--cluster", "--name")
        rest = rest[2 if with_value else 1 :]
    word, next_word = (*rest, "", "")[:2]
    return word, next_word


def kubectl_arguments(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Split a command line into the cluster that it names (empty: none) and what kubectl is to read.

    What follows the word ``kubectl`` is kubectl's alone; before a word of its own, or after it,
    ``--cluster`` is still netemu's.
    """
    cluster, words = "", iter(arguments)
    kept: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if name == "--cluster" or (name == "--name" and not kept):
            cluster = value if equals else next(words, "")
        elif word == "kubectl" and (not kept or (kept[0] == "-n" and len(kept) == 2)):
            return cluster, [*kept, *words]
        elif word in ("-n", "--namespace"):
            kept += ["-n", next(words, "")]
        else:
            kept += [word, *(words if word == "--" else ())]
    return cluster, kept
