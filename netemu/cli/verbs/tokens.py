"""[IO] ``create token``."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.api.client import Object
from netemu.api.kinds import SERVICE_ACCOUNT
from netemu.apiclient.http import path_of
from netemu.cli.session import Session


async def show_token(
    session: Session, namespace: str, name: str, audiences: Sequence[str], seconds: int | None
) -> None:
    """Print a new token of a ServiceAccount.

    Raises:
        NotFoundError: there is no such account.

    """
    spec: Object = {"audiences": list(audiences)} if audiences else {}
    if seconds is not None:
        spec["expirationSeconds"] = seconds
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = await session.send("POST", path_of(SERVICE_ACCOUNT, namespace, name, "token"), body=body)
    print(answer["status"]["token"])
