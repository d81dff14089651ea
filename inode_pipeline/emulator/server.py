"""Run an emulator, in a thread of a test or demo or in the foreground for the command.

uvicorn gets no logging configuration and handles no signals outside the main thread, so the process is not affected.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import uvicorn

from inode_pipeline.emulator.app import build_app
from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.state import State

_START_TIMEOUT_S = 10.0
_FINISH_TIMEOUT_S = 1.0
_STOP_TIMEOUT_S = 10.0


class _Server(uvicorn.Server):
    """uvicorn's server, without its pause of 0.1 s before it stops, which would slow down hundreds of tests."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            for _ in range(20):
                if self.should_exit:
                    break
                await asyncio.sleep(0.005)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, let answers in progress end, and abandon those that take too long."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        give_up_at = time.monotonic() + _FINISH_TIMEOUT_S
        while self.server_state.connections or self.server_state.tasks:
            if self.force_exit or time.monotonic() > give_up_at:
                self._abandon()
                break
            await asyncio.sleep(0.002)
        await asyncio.sleep(0)

    def _abandon(self) -> None:
        """Disconnect clients that do not read their answer, and cancel answers that are not ready."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()


class EmulatorServer:
    """An emulator on its own loopback port, running between `start` and `stop` or in a `with` block.

    `base_url` ends in `/api/`. `state` may be changed while it runs. The end of the block raises an exception of
    `state.on_page` again, unless the block itself failed.
    """

    def __init__(self, config: EmulatorConfig | None = None, *, port: int = 0) -> None:
        self.config = config or EmulatorConfig()
        self.state = State(self.config)
        self._port = port
        self._listener: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        if self._listener is None:
            raise RuntimeError("the emulator is not running")
        return f"http://127.0.0.1:{self._port}/api/"

    def start(self) -> Self:
        """Start, and return once requests are answered; raises `OSError` if the port is in use."""
        self._listener = _listen("127.0.0.1", self._port)
        self._port = self._listener.getsockname()[1]
        self._server = _server(self.state)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="emulator", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("the emulator did not start")
            time.sleep(0.002)
        return self

    def stop(self) -> None:
        """Finish pending answers, close every connection and end the thread. May be called twice."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_TIMEOUT_S)
        if self._listener is not None:
            self._listener.close()
        self._listener = self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.state.hook_error is not None:
            raise self.state.hook_error


def serve(
    config: EmulatorConfig, host: str = "127.0.0.1", port: int = 0, announce: Callable[[str], None] | None = None
) -> None:
    """Serve until interrupted; `announce` is called with the base URL as soon as connections are accepted.

    Ctrl-C returns, and SIGTERM ends the process, both after pending answers.
    Raises `OSError` if the address cannot be bound, `ValueError` if the recording cannot be read.
    """
    state = State(config)
    with _listen(host, port) as listener:
        name = f"[{host}]" if ":" in host else host
        if announce is not None:
            announce(f"http://{name}:{listener.getsockname()[1]}/api/")
        with contextlib.suppress(KeyboardInterrupt):
            _server(state).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket with an explicit protocol, without which asyncio delays small answers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def _server(state: State) -> _Server:
    return _Server(
        uvicorn.Config(
            build_app(state),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
    )
