"""A door to a database that can be shut: whoever is connected loses the connection, and nobody else gets in."""

from __future__ import annotations

import contextlib
import socket
import threading


class Gate:
    """Listens on a port of its own and passes everything on to another one of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_shut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        """Cut every connection; new ones are cut at once."""
        with self._lock:
            self._is_shut = True
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def reopen(self) -> None:
        """Let everyone in again."""
        with self._lock:
            self._is_shut = False

    def close(self) -> None:
        self.shut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_shut:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            # A socket that is only closed lives on while the other thread reads from it: the database hears nothing.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
