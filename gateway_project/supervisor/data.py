"""A data worker: serves the port, answers live calls, and relays every other path to the control process.

python -m gateway_project.supervisor.data --fd 5 --control /tmp/.../control.sock --parent 4711 --drain-seconds 30
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from gateway_project.supervisor import process

SETTINGS = "gateway_project.settings"


def main() -> None:
    parser = process.parser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--control", type=Path, required=True)
    options = parser.parse_args()
    process.begin(options.parent)

    if os.environ.get("DJANGO_SETTINGS_MODULE", SETTINGS) == SETTINGS:
        os.environ["DJANGO_SETTINGS_MODULE"] = f"{SETTINGS}.data"
    import django

    django.setup()  # for the thread that reads the configuration

    from gateway_project.front import Front
    from gateway_project.supervisor.relay import Relay
    from gateway_project.supervisor.serving import serve

    relay = Relay(options.control)
    serve(
        Front(relay, ingest=False, close=relay.aclose),
        socket.socket(fileno=options.fd),
        drain_seconds=options.drain_seconds,
        orphaned=lambda: process.orphaned(options.parent),
    )


if __name__ == "__main__":
    main()
