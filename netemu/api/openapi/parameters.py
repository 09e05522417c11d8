"""The parameters that requests take in their query and path."""

from __future__ import annotations

from typing import NamedTuple


class Parameter(NamedTuple):
    """A parameter of the query or the path."""

    name: str
    type: str
    description: str
    where: str = "query"


def path_parameters(path: str) -> list[Parameter]:
    """List the parameters that a path template names."""
    return [_PATH[part[1:-1]] for part in path.split("/") if part.startswith("{")]


def query_parameters(action: str) -> list[Parameter]:
    """List what the query of an action may say."""
    return [Parameter(name, *_QUERY[name]) for name in _ACTIONS[action]]


def connect_parameters(subresource: str) -> list[Parameter]:
    """List what the query of a connection to a pod may say."""
    return [Parameter(name, *_CONNECT[name]) for name in _CONNECTIONS[subresource]]


_PATH = {
    "name": Parameter("name", "string", "name of the object", "path"),
    "namespace": Parameter(
        "namespace", "string", "object name and auth scope, such as for teams and projects", "path"
    ),
    "path": Parameter("path", "string", "path to the resource", "path"),
}
_QUERY = {
    "allowWatchBookmarks": ("boolean", 'Ask for watch events of type "BOOKMARK".'),
    "continue": ("string", "Go on with a list: the value that the last part of it came with."),
    "dryRun": ("string", "When All, do everything but keep the result."),
    "fieldManager": ("string", "The name of whoever makes the change."),
    "fieldSelector": ("string", "Only objects whose fields match."),
    "fieldValidation": ("string", "What unknown and duplicate fields lead to: Ignore, Warn or Strict."),
    "force": ("boolean", "Take over fields that other people manage; only for apply requests."),
    "gracePeriodSeconds": ("integer", "Seconds before the object is deleted; zero deletes immediately."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("boolean", "Delete what cannot be read."),
    "labelSelector": ("string", "Only objects whose labels match."),
    "limit": ("integer", "The most objects that one answer should have."),
    "orphanDependents": ("boolean", "Deprecated: use propagationPolicy."),
    "pretty": ("string", "If 'true', then the output is pretty printed."),
    "propagationPolicy": ("string", "What becomes of dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "The version from which to list or watch."),
    "resourceVersionMatch": ("string", "How resourceVersion is applied to a list."),
    "sendInitialEvents": ("boolean", "Begin a watch with what there is, and a bookmark after it."),
    "timeoutSeconds": ("integer", "How long a list or watch may take."),
    "watch": ("boolean", "Stream changes as events, in place of a list."),
}
_LIST = (
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
)
_DELETE = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)
_WRITE = ("pretty", "dryRun", "fieldManager", "fieldValidation")
_ACTIONS: dict[str, tuple[str, ...]] = {
    "get": ("pretty",),
    "list": ("pretty", "allowWatchBookmarks", *_LIST, "watch"),
    "post": _WRITE,
    "put": _WRITE,
    "patch": (*_WRITE, "force"),
    "delete": ("pretty", *_DELETE),
    "deletecollection": ("pretty", *_LIST, *_DELETE),
}
_CONNECT = {
    "command": ("string", "The command line: argv, one word each time; no shell."),
    "container": ("string", "The container; the only one if the pod has one."),
    "follow": ("boolean", "Follow the log stream of the pod."),
    "insecureSkipTLSVerifyBackend": ("boolean", "Do not verify the certificate of the node."),
    "limitBytes": ("integer", "Bytes to read before the log ends."),
    "path": ("string", "The URL path to use for the request."),
    "ports": ("integer", "The ports to forward."),
    "previous": ("boolean", "The log of the container that ran before."),
    "sinceSeconds": ("integer", "Seconds before now from which to show logs."),
    "stderr": ("boolean", "Redirect the standard error stream."),
    "stdin": ("boolean", "Redirect the standard input stream."),
    "stdout": ("boolean", "Redirect the standard output stream."),
    "tailLines": ("integer", "Lines from the end of the log to show."),
    "timestamps": ("boolean", "Begin every line with its time."),
    "tty": ("boolean", "Allocate a terminal."),
}
_STREAMS = ("container", "stderr", "stdin", "stdout", "tty")
_CONNECTIONS: dict[str, tuple[str, ...]] = {
    "attach": _STREAMS,
    "exec": ("command", *_STREAMS),
    "portforward": ("ports",),
    "proxy": ("path",),
    "log": (
        "container",
        "follow",
        "insecureSkipTLSVerifyBackend",
        "limitBytes",
        "previous",
        "sinceSeconds",
        "tailLines",
        "timestamps",
    ),
}
