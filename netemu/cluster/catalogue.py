"""[IO] The catalogue of images: the built-in one, extended by ``<state>/images.yaml``."""

from __future__ import annotations

from pathlib import Path

from netemu.errors import SettingsError
from netemu.logs import Log
from netemu.standin.catalogue import Catalogue, built_in, parse_catalogue

log = Log(__name__)


class UserCatalogue:
    """Reads the user's file again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._catalogue = built_in()

    def current(self) -> Catalogue:
        """Give the catalogue as the file is now; a broken file is logged, and what was there stays."""
        stamp = self._read_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                extra = parse_catalogue(self._path.read_text(), str(self._path)) if stamp else Catalogue({})
                self._catalogue = built_in().extended(extra)
            except SettingsError as err:
                log.error("catalogue.broken", error=str(err))
        return self._catalogue

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        return stat.st_mtime_ns, stat.st_size
