"""[IO] Writes what is used into the status of quotas."""

from __future__ import annotations

import asyncio

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import RESOURCE_QUOTA
from netemu.apiserver import quotas
from netemu.apiserver.registry import Registry
from netemu.logs import Log

log = Log(__name__)

RETRY_S = 1.0


async def keep_quotas(registry: Registry) -> None:
    """Keep the status of all quotas up to date, until cancelled."""
    while True:
        await registry.quotas.wait()
        await write_quotas(registry)
        await asyncio.sleep(0)


async def write_quotas(registry: Registry) -> None:
    """Write the status of the quotas of namespaces in which something changed."""
    for quota in registry.quotas.take():
        try:
            await _write(registry, quota)
        except NotFoundError:
            continue  # gone by itself
        except Exception as err:  # one odd quota must not keep all others from being counted
            meta = quota["metadata"]
            log.error("quota.not_written", exc=err, quota=meta["name"], delay_s=RETRY_S)
            asyncio.get_running_loop().call_later(RETRY_S, registry.quotas.look_at, meta["namespace"])


async def _write(registry: Registry, quota: Object) -> None:
    status = quotas.status(quota, registry.quotas.used(quota))
    if status != quota.get("status"):
        meta = {key: value for key, value in quota["metadata"].items() if key != "resourceVersion"}
        written = {**quota, "metadata": meta, "status": status}
        await registry.update(RESOURCE_QUOTA, written, namespace=meta["namespace"], subresource="status")
