"""pyroute2's message classes, imported for less than its package would cost, and used both ways."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from functools import lru_cache
from typing import Any, NamedTuple

HEADER_BYTES = 16  # struct nlmsghdr, linux/netlink.h
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE, _RTM_NEWNEIGH = 16, 20, 24, 28  # linux/rtnetlink.h


class Classes(NamedTuple):
    """The class of each kind of message."""

    link: Any
    address: Any
    route: Any
    neighbour: Any


@lru_cache(maxsize=1)
def classes() -> Classes:
    """Import pyroute2's message classes, and nothing else of pyroute2.

    Its package's ``__init__`` imports everything it has: 190 ms. With an empty package put in
    its place first, the classes alone are imported in 35 ms, which a CNI plugin (a new process
    for each pod) can afford. Who wants pyroute2's own conveniences cannot have them after that;
    nobody in netemu does (their cost is why this module exists).
    """
    if "pyroute2" not in sys.modules:
        spec = importlib.machinery.PathFinder.find_spec("pyroute2")
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError("No module named 'pyroute2'", name="pyroute2")
        package = types.ModuleType("pyroute2")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["pyroute2"] = package
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.ndmsg import ndmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

    return Classes(ifinfmsg, ifaddrmsg, rtmsg, ndmsg)


def encode(message_class: Any, fields: dict[str, Any]) -> bytes:
    """Encode fields (and ``attrs``) with a message class; gives the body without the header."""
    message = message_class()
    for key, value in fields.items():
        message[key] = value
    message.encode()
    return bytes(message.data[HEADER_BYTES:])


def decode(kind: int, data: bytes) -> Any:
    """Decode one answer (header included) with the class of its message type.

    The value is pyroute2's: fields by ``[]``, attributes by ``get_attr``.
    """
    known = classes()
    by_kind = {
        _RTM_NEWLINK: known.link,
        _RTM_NEWADDR: known.address,
        _RTM_NEWROUTE: known.route,
        _RTM_NEWNEIGH: known.neighbour,
    }
    message = by_kind[kind](data)
    message.decode()
    return message
