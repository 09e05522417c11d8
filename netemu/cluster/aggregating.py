"""How the API reaches its helpers, webhooks and other API servers; and how these know it: its certificate,
and where they read whom to believe.
"""

from __future__ import annotations

import json
from functools import partial

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import CONFIG_MAP, SERVICE
from netemu.apiserver.aggregation.http import Aggregator, Identity
from netemu.apiserver.auth.user import OWNER
from netemu.apiserver.hooks.http import WebhookCaller
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.registry import Registry
from netemu.pki.files import PkiFiles
from netemu.settings import Paths

NAME, NAMESPACE = "extension-apiserver-authentication", "kube-system"


async def prepared(registry: Registry, pod_access: PodAccess, paths: Paths, ca: str) -> Aggregator:
    """Publish whom other API servers may believe, give what reaches them, and let webhooks be asked."""
    wanted = authentication(ca)
    try:
        current = registry.get(CONFIG_MAP, NAMESPACE, NAME)
        await registry.update(CONFIG_MAP, {**current, "data": wanted["data"]})
    except NotFoundError:
        await registry.create(CONFIG_MAP, wanted)
    files, find_service = PkiFiles(paths.pki), partial(registry.get, SERVICE)
    registry.gate.call = registry.converter.call = WebhookCaller(find_service, pod_access)
    return Aggregator(find_service, pod_access, Identity(files.admin, files.admin_key))


def authentication(ca: str) -> Object:
    """Give the ConfigMap that Kubernetes' library for API servers reads at its start.

    Requests come with the certificate of the cluster's admin, and say in headers who sent them.
    """
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {
            "client-ca-file": ca,
            "requestheader-allowed-names": json.dumps([OWNER.name]),
            "requestheader-client-ca-file": ca,
            "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
            "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
            "requestheader-uid-headers": json.dumps(["X-Remote-Uid"]),
            "requestheader-username-headers": json.dumps(["X-Remote-User"]),
        },
    }
