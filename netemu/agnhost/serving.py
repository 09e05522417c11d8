"""[IO] The listening sockets of one app, served from the loop that runs."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from netemu.agnhost.model import Address, Datagrams, Http2, Listener, Messages, Tls
from netemu.agnhost.protocols import Owner, make_protocol, serve_message
from netemu.agnhost.sockets import accept, answer_datagrams
from netemu.agnhost.tls import note_server_names

_ACCEPTS_AT_ONCE = 64


class Serving:
    """Everything that an app has open."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._sockets: list[socket.socket] = []

    def start(self, listener: Listener, sock: socket.socket) -> None:
        """Serve a listening socket, which is ours from now on."""
        self._sockets.append(sock)
        loop = asyncio.get_running_loop()
        service = listener.service
        if isinstance(service, Datagrams):
            loop.add_reader(sock, answer_datagrams, sock, service.answer)
        else:
            loop.add_reader(sock, self._accept, listener, _tls_context(listener), sock)

    def close(self) -> None:
        """Close sockets and connections."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        self._owner.close()

    def _accept(self, listener: Listener, tls: Any, sock: socket.socket) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                accepted, client = accept(sock)
            except OSError:  # none left, it went away again, or descriptors ran out: the loop calls again
                return
            self._owner.group.create_task(self._serve(listener, tls, accepted, client))

    async def _serve(self, listener: Listener, tls: Any, sock: socket.socket, client: Address) -> None:
        service = listener.service
        if isinstance(service, Messages):
            await serve_message(sock, client, service.answer, service.greeting)
            return
        protocol = make_protocol(service, self._owner, client)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, sock, ssl=tls)
        except OSError:  # the client is gone already, or speaks no TLS
            sock.close()


def _tls_context(listener: Listener) -> Any:
    """Load a listener's certificate; OSError if it cannot be."""
    service = listener.service
    if not isinstance(service, Tls | Http2) or not service.certificate:
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(service.certificate, service.key)
    context.set_alpn_protocols(["h2" if isinstance(service, Http2) else "http/1.1"])
    note_server_names(context)
    if isinstance(service, Tls) and service.authorities:
        context.load_verify_locations(service.authorities)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
