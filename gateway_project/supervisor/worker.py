"""A Celery worker for the queue `llm`: as a child of run_api, or by script/worker on any machine.

Tasks only wait for providers, so they run as threads over one event loop: hundreds in flight in one process.
"""

from __future__ import annotations

import os
import sys

CONCURRENCY = 200


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    from gateway_project.celery import app

    if not app.conf.broker_url:
        sys.exit("No broker: set LLM_GATEWAY_BROKER_URL or LLM_GATEWAY_REDIS_URL.")
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--queues=llm",
            "--pool=threads",
            f"--concurrency={CONCURRENCY}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            *sys.argv[1:],
        ]
    )


if __name__ == "__main__":
    main()
