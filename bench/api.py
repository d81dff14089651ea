"""The benchmark's API: the emulator in a process of its own.

`Api` is the side of the benchmark; run as a program this file is the side of the emulator, which reads one JSON object
a line from its standard input: `{"count": 1000, "kind": "varied", "quarters": 1}` changes what is served.
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Self

from records import Records

API_KEY = "demo-api-key"
PAGE_SIZE = 1000
PREPARED = 100_000
"""Up to how many records are rendered before they are asked for; more would not fit into memory."""


class Api:
    """A running API; `base_url` ends in `/api/`."""

    def __init__(self, *, latency_s: float = 0.0, pagination: str = "page") -> None:
        arguments = [sys.executable, __file__, str(latency_s), pagination]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.base_url = self._answer()

    def serve(self, count: int, **how: object) -> None:
        """Serve so many records from now on; `how` is what else `Records` takes."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"count": count, **how}) + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the benchmark's API ended")
        return line.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()


def main() -> None:
    """Be the emulator until the benchmark ends."""
    from inode_pipeline.emulator import EmulatorConfig, EmulatorServer

    config = EmulatorConfig(
        links=1, latency_s=float(sys.argv[1]), pagination=sys.argv[2], page_size=PAGE_SIZE, max_page_size=PAGE_SIZE
    )
    with EmulatorServer(config) as server:
        print(server.base_url, flush=True)
        for line in sys.stdin:
            records = Records(**json.loads(line))
            server.state.records = records[:] if len(records) <= PREPARED else records
            server.state.requests.clear()
            print("ready", flush=True)


if __name__ == "__main__":
    main()
