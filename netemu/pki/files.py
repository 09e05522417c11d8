"""Where a cluster's keys and certificates are, by kubeadm's names; imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class PkiFiles(NamedTuple):
    """The files of ``<state>/pki``; all are made together, or none is."""

    directory: Path

    @property
    def ca(self) -> Path:
        """The CA's certificate."""
        return self.directory / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """The CA's key."""
        return self.directory / "ca.key"

    @property
    def server(self) -> Path:
        """The API server's certificate."""
        return self.directory / "apiserver.crt"

    @property
    def server_key(self) -> Path:
        """The API server's key."""
        return self.directory / "apiserver.key"

    @property
    def admin(self) -> Path:
        """The certificate of the user ``kubernetes-admin``."""
        return self.directory / "admin.crt"

    @property
    def admin_key(self) -> Path:
        """The key of the user ``kubernetes-admin``."""
        return self.directory / "admin.key"

    @property
    def service_account_key(self) -> Path:
        """The key that signs the tokens of ServiceAccounts."""
        return self.directory / "sa.key"

    @property
    def exist(self) -> bool:
        """True once they are made."""
        return self.directory.is_dir()
