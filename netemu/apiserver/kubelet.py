"""[IO] What a node's kubelet answers on its port: its agent is part of this process. Below
``/api/v1/nodes/NAME/proxy``, which is how tools and tests look into nodes.
"""

from __future__ import annotations

from aiohttp import web

from netemu.api.client import Object
from netemu.api.errors import MethodNotAllowedError
from netemu.api.kinds import NODE, POD
from netemu.apiserver import answers
from netemu.apiserver.proxy.backends import KUBELET_PORT, target_of
from netemu.apiserver.reachpaths import ReachPath
from netemu.apiserver.registry import Registry
from netemu.metrics import Metric, render_metrics

_EMPTY_DIRECTORY = "<pre>\n</pre>\n"  # /var/log: what pods say is the API's ``log``
_HEALTH = ("healthz", "healthz/ping", "healthz/syncloop", "healthz/log")


def is_kubelet(name: str) -> bool:
    """Tell whether the name in a node's proxy path means its kubelet: by its port, or by none.

    Raises:
        BadRequestError: it is no name of a node.

    """
    return target_of(NODE, name).port in ("", str(KUBELET_PORT))


def kubelet_answer(request: web.BaseRequest, path: ReachPath, registry: Registry) -> web.Response:
    """Answer as a node's kubelet.

    Raises:
        NotFoundError: there is no such node.
        MethodNotAllowedError: a kubelet is only asked here.

    """
    node = registry.get(NODE, "", target_of(NODE, path.name).name)
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError("the server does not allow this method on the requested resource")
    name = node["metadata"]["name"]
    match path.rest.strip("/"):
        case check if check in _HEALTH:
            return answers.text_answer("ok")
        case "pods" | "runningpods":
            return answers.json_answer(_pod_list(_pods(registry, name)))
        case "configz":
            return answers.json_answer({"kubeletconfig": _configuration(node)})
        case "stats/summary":
            return answers.json_answer(_summary(name, _pods(registry, name)))
        case "logs":
            return web.Response(text=_EMPTY_DIRECTORY, content_type="text/html")
        case "metrics":
            return answers.text_answer(_metrics(len(_pods(registry, name))))
        case _:
            return answers.text_answer("404 page not found\n", status=404)


def _pods(registry: Registry, node: str) -> list[Object]:
    return [pod for pod in registry.list(POD).items if pod["spec"].get("nodeName") == node]


def _pod_list(pods: list[Object]) -> Object:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}


def _configuration(node: Object) -> Object:
    capacity = node.get("status", {}).get("capacity") or {}
    return {
        "enableServer": True,
        "port": KUBELET_PORT,
        "healthzPort": 10248,
        "healthzBindAddress": "127.0.0.1",
        "maxPods": int(capacity.get("pods", 110)),
        "podCIDR": node.get("spec", {}).get("podCIDR", ""),
        "cgroupDriver": "systemd",
        "hairpinMode": "promiscuous-bridge",
    }


def _summary(node: str, pods: list[Object]) -> Object:
    """Name the pods as a summary does; nobody measures what they use."""
    references = [
        {"podRef": {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}, "containers": []}
        for pod in pods
    ]
    return {"node": {"nodeName": node}, "pods": references}


def _metrics(pods: int) -> str:
    sandboxes = "[ALPHA] Number of pods that have a running pod sandbox"
    return render_metrics([Metric("kubelet_running_pods", "gauge", sandboxes, [("", pods)])])
