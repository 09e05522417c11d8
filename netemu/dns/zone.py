"""Which records a question about the cluster's zone, or a reverse name, gets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dnslib import AAAA, CNAME, NS, PTR, RR, SOA, SRV, TXT, A, DNSLabel
from dnslib import QTYPE as TYPE

from netemu.dns.index import Index
from netemu.dns.lookup import Found, Target, find, find_names, is_ipv4, reversed_address
from netemu.dns.message import NOERROR, NXDOMAIN, Reply
from netemu.informer.cache import Cache, Change

TTL_S = 30
VERSION_TTL_S = 28800
MAX_ALIASES = 8

_REVERSE = (("in-addr", "arpa"), ("ip6", "arpa"))
_SOA_TIMERS_S = (7200, 1800, 86400, TTL_S)  # refresh, retry, expire, minimum: CoreDNS's


class Answer(NamedTuple):
    """A reply, what it depends on, and the outside name that an alias leads to, if any."""

    reply: Reply
    tags: tuple[str, ...] = ()
    outside: str = ""


class Zone:
    """Answers for one cluster domain from the objects in a cache."""

    def __init__(self, cache: Cache, domain: str) -> None:
        self._index = Index(cache)
        self._domain = tuple(domain.rstrip(".").lower().split("."))
        self._serial = 0

    def note(self, change: Change) -> set[str]:
        """Take note of a change of the cache; give the tags of the answers that are void now."""
        self._serial = max(self._serial, *_revisions(change))
        return self._index.tags(change)

    def answer(self, name: Sequence[bytes], qtype: int) -> Answer | None:
        """Answer a question of class IN, or give ``None`` when it is for somebody else.

        The answer's first owner name is ``name`` as it was asked, case and all.
        """
        labels = tuple(part.decode("latin-1").lower() for part in name)
        if labels[-2:] in _REVERSE:
            return self._answer_reverse(DNSLabel(tuple(name)), labels, qtype)
        inside = self._relative(labels)
        return None if inside is None else self._answer(DNSLabel(tuple(name)), inside, qtype)

    def _relative(self, labels: tuple[str, ...]) -> tuple[str, ...] | None:
        split = len(labels) - len(self._domain)
        return labels[:split] if split >= 0 and labels[split:] == self._domain else None

    def _answer(self, owner: DNSLabel, inside: tuple[str, ...], qtype: int) -> Answer:
        found = find(self._index, inside)
        if found.alias and qtype != TYPE.CNAME:
            return self._follow(owner, found, qtype)
        answers = self._records(owner, inside, found, qtype)
        if not answers:
            return self._negative(found)
        reply = Reply(NOERROR, answers, additional=self._glue(inside, found, qtype), authoritative=True)
        return Answer(reply, found.tags)

    def _records(self, owner: DNSLabel, inside: tuple[str, ...], found: Found, qtype: int) -> tuple[RR, ...]:
        match qtype:
            case TYPE.A | TYPE.AAAA | TYPE.ANY:
                return _addresses(owner, found.ips, qtype)
            case TYPE.SRV:
                return tuple(self._srv(owner, found.targets))
            case TYPE.CNAME if found.alias:
                return (RR(owner, TYPE.CNAME, ttl=TTL_S, rdata=CNAME(found.alias)),)
            case TYPE.TXT if found.text:
                return (RR(owner, TYPE.TXT, ttl=VERSION_TTL_S, rdata=TXT(found.text)),)
            case TYPE.SOA if not inside:
                return (self._soa(owner),)
            case TYPE.NS if not inside:
                return (RR(owner, TYPE.NS, ttl=TTL_S, rdata=NS(self._absolute(("ns", "dns")))),)
            case _:
                return ()

    def _srv(self, owner: DNSLabel, targets: tuple[Target, ...]) -> Iterable[RR]:
        ends = dict.fromkeys((target.host, target.port) for target in targets)
        weight = max(100 // len(ends), 1) if ends else 0
        for host, port in ends:
            yield RR(owner, TYPE.SRV, ttl=TTL_S, rdata=SRV(0, weight, port, self._absolute(host)))

    def _glue(self, inside: tuple[str, ...], found: Found, qtype: int) -> tuple[RR, ...]:
        if qtype == TYPE.NS and not inside:
            servers = find(self._index, ("ns", "dns"))
            return _addresses(self._absolute(("ns", "dns")), servers.ips, TYPE.ANY)
        if qtype != TYPE.SRV:
            return ()
        hosts = dict.fromkeys((target.host, target.ip) for target in found.targets)
        return tuple(rr for host, ip in hosts for rr in _addresses(self._absolute(host), (ip,), TYPE.ANY))

    def _follow(self, owner: DNSLabel, found: Found, qtype: int) -> Answer:
        """Answer with the chain of aliases and, if it ends in this zone, what is there."""
        chain: list[RR] = []
        tags: list[str] = []
        while found.alias and len(chain) < MAX_ALIASES:
            target = DNSLabel(found.alias)
            chain.append(RR(owner, TYPE.CNAME, ttl=TTL_S, rdata=CNAME(target)))
            tags.extend(found.tags)
            inside = self._relative(tuple(part.decode().lower() for part in target.label))
            if inside is None:
                reply = Reply(NOERROR, tuple(chain), authoritative=True)
                return Answer(reply, tuple(tags), outside=found.alias)
            owner, found = target, find(self._index, inside)
            chain.extend(self._records(owner, inside, found, qtype) if not found.alias else ())
        reply = Reply(NOERROR, tuple(chain), authoritative=True)
        return Answer(reply, (*tags, *found.tags))

    def _negative(self, found: Found) -> Answer:
        rcode = NOERROR if found.exists else NXDOMAIN
        authority = (self._soa(self._absolute(())),)
        return Answer(Reply(rcode, authority=authority, authoritative=True), found.tags)

    def _answer_reverse(self, owner: DNSLabel, labels: tuple[str, ...], qtype: int) -> Answer | None:
        """Answer for addresses that the cluster knows; all others are somebody else's."""
        ip = reversed_address(labels)
        names, tags = find_names(self._index, ip) if ip else ((), ())
        if not names:
            return None
        records = tuple(RR(owner, TYPE.PTR, ttl=TTL_S, rdata=PTR(self._absolute(name))) for name in names)
        if qtype not in (TYPE.PTR, TYPE.ANY):
            soa = self._soa(DNSLabel(".".join(labels[-2:])))
            return Answer(Reply(NOERROR, authority=(soa,), authoritative=True), tags)
        return Answer(Reply(NOERROR, records, authoritative=True), tags)

    def _soa(self, owner: DNSLabel) -> RR:
        server, person = self._absolute(("ns", "dns")), self._absolute(("hostmaster",))
        times = (self._serial & 0xFFFFFFFF, *_SOA_TIMERS_S)
        return RR(owner, TYPE.SOA, ttl=TTL_S, rdata=SOA(server, person, times))

    def _absolute(self, host: tuple[str, ...]) -> DNSLabel:
        return DNSLabel(tuple(part.encode() for part in (*host, *self._domain)))


def _addresses(owner: DNSLabel, ips: Iterable[str], qtype: int) -> tuple[RR, ...]:
    wanted = {True: qtype in (TYPE.A, TYPE.ANY), False: qtype in (TYPE.AAAA, TYPE.ANY)}
    return tuple(_address(owner, ip) for ip in ips if wanted[is_ipv4(ip)])


def _address(owner: DNSLabel, ip: str) -> RR:
    if is_ipv4(ip):
        return RR(owner, TYPE.A, ttl=TTL_S, rdata=A(ip))
    return RR(owner, TYPE.AAAA, ttl=TTL_S, rdata=AAAA(ip))


def _revisions(change: Change) -> list[int]:
    objects = (obj for obj in (change.old, change.new) if obj is not None)
    return [int(obj["metadata"]["resourceVersion"]) for obj in objects]
