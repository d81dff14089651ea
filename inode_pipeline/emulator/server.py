"""An emulator that listens: in a thread beside a test or a demo, or in the foreground for the command.

uvicorn is given no logging configuration and catches no signal outside the main thread, so nothing of the process
around it changes.
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
_UNDER_WAY_TIMEOUT_S = 1.0
_STOP_TIMEOUT_S = 10.0


class _Server(uvicorn.Server):
    """uvicorn's server, without the tenth of a second that the original sleeps before it stops.

    Hundreds of tests would pay for it.
    """

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            for _ in range(20):
                if self.should_exit:
                    break
                await asyncio.sleep(0.005)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        give_up_at = time.monotonic() + _UNDER_WAY_TIMEOUT_S
        while self.server_state.connections or self.server_state.tasks:
            if self.force_exit or time.monotonic() > give_up_at:
                self._abandon()
                break
            await asyncio.sleep(0.002)
        await asyncio.sleep(0)

    def _abandon(self) -> None:
        """Cut off clients that do not read their answer, and cancel answers that are not ready."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()


class EmulatorServer:
    """An emulator on a loopback port of its own, running between `start` and `stop` or inside a `with` block.

    `base_url` ends in `/api/`. `state` may be changed while it runs. Leaving the block raises what `state.on_page` had
    raised, unless the block itself failed.
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
        """The address to give to a client."""
        if self._listener is None:
            raise RuntimeError("the emulator is not running")
        return f"http://127.0.0.1:{self._port}/api/"

    def start(self) -> Self:
        """Listen, and return when requests are answered; raises `OSError` if the port is taken."""
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
        """Answer what is being answered, close every connection and end the thread. Stopping twice is harmless."""
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
    """Serve until interrupted; `announce` is called with the base URL as soon as connections are taken.

    Ctrl-C returns; SIGTERM ends the process, as it does by default, once what is being answered is answered.
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
    """A listening socket whose protocol is named: asyncio sends small answers without delay only on such a one."""
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
