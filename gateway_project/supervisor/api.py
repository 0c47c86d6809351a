"""The child that serves the port: uvicorn on a socket that the parent bound.

python -m gateway_project.supervisor.api --fd 5 --drain-seconds 30
"""

from __future__ import annotations

import argparse
import gc
import socket
import sys


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--drain-seconds", type=int, default=30)
    options = parser.parse_args()

    import uvicorn

    from gateway_project.asgi import application

    # Switching between the threads for admin pages and the loop of live calls every 0.5 ms keeps the calls quick.
    sys.setswitchinterval(0.0005)
    gc.freeze()
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=options.drain_seconds,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=options.fd)])


if __name__ == "__main__":
    main()
