"""Who gets which address. Pure: what was given out before is what Services' statuses say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from netemu.balancer.asked import Ask
from netemu.balancer.pools import Address, Labels, Pool
from netemu.informer.cache import Key


class AllocationError(Exception):
    """A Service cannot have what it asks for; the message says why."""


class Decision(NamedTuple):
    """What a Service gets; with a problem, nothing."""

    addresses: tuple[Address, ...] = ()
    problem: str = ""


def allocate(
    asks: Iterable[Ask], pools: Sequence[Pool], namespaces: Mapping[str, Labels]
) -> dict[Key, Decision]:
    """Decide for all Services at once.

    Who has an address that it may have keeps it; of two that cannot share one, the older.
    """
    book = _Book(pools, namespaces)
    ordered = sorted(asks, key=lambda ask: (ask.created, ask.key))
    decided: dict[Key, Decision] = {}
    for ask in ordered:
        if ask.had and book.may_keep(ask):
            book.enter(ask, ask.had)
            decided[ask.key] = Decision(ask.had)
    for ask in ordered:
        if ask.key not in decided:
            decided[ask.key] = _give(book, ask)
    return decided


def _give(book: _Book, ask: Ask) -> Decision:
    try:
        addresses = book.find(ask)
    except AllocationError as err:
        return Decision(problem=str(err))
    book.enter(ask, addresses)
    return Decision(addresses)


class _Book:
    """What is given out so far."""

    def __init__(self, pools: Sequence[Pool], namespaces: Mapping[str, Labels]) -> None:
        self._pools = pools
        self._namespaces = namespaces
        self._users: dict[Address, list[Ask]] = {}
        self._shared: dict[str, dict[Address, None]] = {}
        self._rest: dict[tuple[str, int], Iterator[Address]] = {}
        self._free: dict[tuple[str, int], Address | None] = {}

    def enter(self, ask: Ask, addresses: Iterable[Address]) -> None:
        for address in addresses:
            self._users.setdefault(address, []).append(ask)
            if ask.sharing:
                self._shared.setdefault(ask.sharing, {})[address] = None

    def may_keep(self, ask: Ask) -> bool:
        if ask.wanted and set(ask.wanted) != set(ask.had):
            return False
        versions = [address.version for address in ask.had]
        if len(set(versions)) != len(versions) or not set(versions) <= set(ask.versions):
            return False
        if len(versions) < len(ask.versions) and ask.needs_all:
            return False
        pool = self._pool_of(ask.had)
        if pool is None or not self._fits(pool, ask) or ask.pool not in ("", pool.name):
            return False
        return not any(self._obstacle(ask, address) for address in ask.had)

    def find(self, ask: Ask) -> tuple[Address, ...]:
        if ask.wanted:
            return self._requested(ask)
        if ask.pool:
            return self._of_pool(ask, self._named(ask.pool, ask))
        for pool in self._pools:
            if pool.spec.auto_assign and self._fits(pool, ask):
                try:
                    return self._of_pool(ask, pool)
                except AllocationError:
                    continue
        raise AllocationError("no available IPs")

    def _requested(self, ask: Ask) -> tuple[Address, ...]:
        texts = "[" + " ".join(f'"{address}"' for address in ask.wanted) + "]"
        pool = self._pool_of(ask.wanted)
        if pool is None:
            raise AllocationError(f"{texts} is not allowed in config")
        if not self._fits(pool, ask):
            raise AllocationError(f"pool {pool.name} not compatible for ip assignment")
        if ask.pool not in ("", pool.name):
            raise AllocationError(
                f'requested loadBalancer IP(s) {texts} not compatible with pool "{ask.pool}"'
            )
        for address in ask.wanted:
            obstacle = self._obstacle(ask, address)
            if obstacle:
                raise AllocationError(obstacle)
        return ask.wanted

    def _named(self, name: str, ask: Ask) -> Pool:
        for pool in self._pools:
            if pool.name == name:
                if not self._fits(pool, ask):
                    raise AllocationError(f"pool {name} not compatible for ip assignment")
                return pool
        raise AllocationError(f'unknown pool "{name}"')

    def _of_pool(self, ask: Ask, pool: Pool) -> tuple[Address, ...]:
        firsts = (self._first(ask, pool, version) for version in ask.versions)
        found = tuple(address for address in firsts if address is not None)
        if not found or (ask.needs_all and len(found) < len(ask.versions)):
            raise AllocationError(f'no available IPs in pool "{pool.name}"')
        return found

    def _first(self, ask: Ask, pool: Pool, version: int) -> Address | None:
        """Give an address that others with the same key leave room on, or else the first unused one."""
        for address in self._shared.get(ask.sharing, ()) if ask.sharing else ():
            if address.version == version and pool.holds(address) and not self._obstacle(ask, address):
                return address
        # Within one plan addresses are only given out: those before the first free one stay taken.
        key = pool.name, version
        rest = self._rest.setdefault(key, pool.addresses(version))
        free = self._free.get(key)  # what was found before may not have been given
        if free is None or free in self._users:
            free = self._free[key] = next((ip for ip in rest if ip not in self._users), None)
        return free

    def _obstacle(self, ask: Ask, address: Address) -> str:
        """Say why an address cannot be a Service's too; nothing if it can."""
        users = self._users.get(address, ())
        if not users:
            return ""
        if not ask.sharing or any(other.sharing != ask.sharing for other in users):
            names = ",".join(str(other.key) for other in users)
            return f'can\'t change sharing key for "{ask.key}", address also in use by {names}'
        if any(other.audience != ask.audience for other in users):
            names = ",".join(str(other.key) for other in users)
            return f'can\'t share "{address}": externalTrafficPolicy or selector differs from {names}'
        taken = sorted(ask.ports.intersection(port for other in users for port in other.ports))
        return f'port {taken[0]} is already in use on "{address}"' if taken else ""

    def _pool_of(self, addresses: Iterable[Address]) -> Pool | None:
        """Give the pool that has all of these addresses."""
        wanted = list(addresses)
        return next((pool for pool in self._pools if all(map(pool.holds, wanted))), None)

    def _fits(self, pool: Pool, ask: Ask) -> bool:
        return pool.is_for(ask.key.namespace, self._namespaces.get(ask.key.namespace, {}), ask.labels)
