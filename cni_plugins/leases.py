"""Leases as files: one for each container's interface, one name more of it for each address, one lock.

A file says whose it is and which addresses that owner wants; an address whose name it has is leased.
A name is made in a twentieth of the time that a file takes.

All is done under the lock, an empty file counts as none, and the interface's file is written
before its names: a process that is killed in between leaves an intention that the next ADD of
that container completes or replaces, never an address with two owners or one that nobody can give
back.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from netemu.ipam.allocator import Address, Range, SubnetExhaustedError, candidates
from netemu.linux.files import read_small, write_small

_LOCK = "lock"  # holds the address that was leased last of each pool
_PADDED = 64


class Owner(NamedTuple):
    """Who holds a lease: one interface of one container."""

    container_id: str
    ifname: str

    def __str__(self) -> str:
        # ":" is in no container ID and in no interface's name (CNI specification).
        return f"{self.container_id}:{self.ifname}"


class Leases:
    """The leases of one network in one directory; safe for several processes and threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._owners = directory / "containers"

    def acquire(self, owner: Owner, pools: Sequence[Range]) -> tuple[Address, ...]:
        """Lease an address of each pool; the same owner gets those that it has.

        Raises:
            SubnetExhaustedError: all of a pool are taken; none is leased then.

        """
        if not self._owners.exists():
            self._owners.mkdir(parents=True, exist_ok=True)
        with self._locked() as lock:
            held = self._intended(owner)
            if _are_of(held, pools) and all(self._claim(ip, owner) for ip in held):
                return held
            self._give_up(held, owner)
            ips = tuple(self._find_free(pool, lock, place) for place, pool in enumerate(pools))
            # The intention first: whoever dies in between finds it when asked again.
            self._intend(owner, ips)
            for place, ip in enumerate(ips):
                self._name(ip, owner)
                os.pwrite(lock, str(ip).ljust(_PADDED).encode(), place * _PADDED)
            return ips

    def release(self, owner: Owner) -> None:
        """Give an owner's addresses back. Idempotent."""
        if not self._directory.exists():
            return
        with self._locked():
            self._give_up(self._intended(owner), owner)
            (self._owners / str(owner)).unlink(missing_ok=True)

    def find(self, owner: Owner) -> tuple[Address, ...]:
        """Find the addresses that an owner holds."""
        return tuple(ip for ip in self._intended(owner) if self._holder(ip) == str(owner))

    def held(self) -> dict[Address, str]:
        """List all leases; reads the whole directory, so it is for messages and tests."""
        held = {ip: self._holder(ip) for ip in self._listed()}
        return {ip: holder for ip, holder in held.items() if holder is not None}

    def keep_only(self, wanted: Callable[[str], bool]) -> None:
        """Release the leases of owners that are not wanted (the GC command)."""
        for holder in self.held().values():
            if not wanted(holder):
                container_id, _, ifname = holder.partition(":")
                self.release(Owner(container_id, ifname))

    @contextmanager
    def _locked(self) -> Iterator[int]:
        fd = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # the kernel lets go when the holder dies, also by -9
            yield fd
        finally:
            os.close(fd)

    def _find_free(self, pool: Range, lock: int, place: int) -> Address:
        last = _as_ip(os.pread(lock, _PADDED, place * _PADDED).decode())
        for ip in candidates(pool, last):
            if self._holder(ip) is None:
                return ip
        raise SubnetExhaustedError(pool.subnet, sum(ip in pool for ip in self.held()))

    def _claim(self, ip: Address, owner: Owner) -> bool:
        """Give an owner's file an address's name if that is free; true if it is the owner's now."""
        holder = self._holder(ip)
        if holder is None:
            self._name(ip, owner)
        return holder in (None, str(owner))

    def _intend(self, owner: Owner, ips: tuple[Address, ...]) -> None:
        """Write an owner's file, a new one: names of the one before keep what they say."""
        path = self._owners / str(owner)
        path.unlink(missing_ok=True)
        write_small(path, " ".join((str(owner), *map(str, ips))).encode())

    def _name(self, ip: Address, owner: Owner) -> None:
        try:
            os.link(self._owners / str(owner), self._path(ip))
        except FileExistsError:  # empty, and so nobody's
            self._path(ip).unlink()
            os.link(self._owners / str(owner), self._path(ip))

    def _give_up(self, ips: tuple[Address, ...], owner: Owner) -> None:
        for ip in ips:
            if self._holder(ip) == str(owner):
                self._path(ip).unlink()

    def _intended(self, owner: Owner) -> tuple[Address, ...]:
        words = read_small(self._owners / str(owner)).decode().split()
        return tuple(ip for word in words if (ip := _as_ip(word)) is not None)

    def _holder(self, ip: Address) -> str | None:
        words = read_small(self._path(ip)).decode().split(maxsplit=1)
        return words[0] if words else None

    def _path(self, ip: Address) -> Path:
        return self._directory / str(ip)

    def _listed(self) -> Iterator[Address]:
        if self._directory.exists():
            for path in self._directory.iterdir():
                ip = _as_ip(path.name)
                if ip is not None:
                    yield ip


def _are_of(ips: Sequence[Address], pools: Sequence[Range]) -> bool:
    return len(ips) == len(pools) and all(ip in pool for ip, pool in zip(ips, pools, strict=True))


def _as_ip(text: str) -> Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None
