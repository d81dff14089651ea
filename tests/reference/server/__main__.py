"""`python -m server OPTIONS DATABASE`: a real Django server on a free loopback port, led over its standard input.

OPTIONS is JSON, DATABASE a file to create. It prints one JSON line when it listens, then answers each line of
commands with one line. It ends when its standard input does, so it cannot outlive the test that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from server.options import Options
from server.settings import configure


def main() -> None:
    """Serve until standard input ends."""
    configure(Options(**json.loads(sys.argv[1])), Path(sys.argv[2]))
    _create_tables()
    from server import contents, control

    contents.fill_accounts()
    contents.reset()
    _say({"port": _listen(), "credentials": contents.CREDENTIALS})
    for line in sys.stdin:
        _say(control.obey(json.loads(line)))
    os._exit(0)  # nothing here is worth tidying up


def _create_tables() -> None:
    """Make the tables straight from the models; running everyone's migrations would take longer than the tests."""
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in apps.get_models():
            if not model._meta.proxy:
                editor.create_model(model)


def _listen() -> int:
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application
    from server.watch import losing_answers

    class Handler(WSGIRequestHandler):
        disable_nagle_algorithm = True  # head and body are two writes; waiting for an acknowledgement costs 40 ms

        def get_environ(self) -> dict[str, Any]:
            return {**super().get_environ(), "reference.connection": self.connection}

        def log_message(self, *_: object) -> None:
            """Say nothing; the book has it."""

    server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
    server.set_app(losing_answers(get_wsgi_application()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_port)


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
