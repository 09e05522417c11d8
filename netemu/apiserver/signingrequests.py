"""Who asks for a certificate. Pure.

Source: kubernetes ``pkg/registry/certificates/certificates/strategy.go``.
"""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.auth.user import User

_WHO = ("username", "uid", "groups", "extra")


def requested_by(user: User, request: Object) -> Object:
    """Give a new CertificateSigningRequest with its requester, whatever it says of that itself."""
    if not isinstance(asked := request.get("spec"), dict):
        return request  # which is refused for that
    info = user.info()
    spec = {key: value for key, value in asked.items() if key not in _WHO}
    return {**request, "spec": {**spec, **{key: info[key] for key in _WHO if key in info}}}
