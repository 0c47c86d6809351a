"""A Celery worker for the queue `llm`, with beat: as a child of run_api, or by script/worker on any machine.

Tasks only wait for providers, so they run as threads over one event loop: hundreds in flight in one process.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import uuid
from pathlib import Path
from typing import Any, Final

from gateway_project.supervisor import process

CONCURRENCY: Final = 200


def main() -> None:
    parser = process.parser()
    parser.add_argument("--no-beat", action="store_true", help="another worker beats")
    options, further = parser.parse_known_args()
    process.begin(options.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    from gateway_project.celery import app  # sets Django up

    if not app.conf.broker_url:
        sys.exit("No broker: set LLM_GATEWAY_BROKER_URL or LLM_GATEWAY_REDIS_URL.")
    supervised = bool(options.parent)
    from gateway_project import wiring

    wiring.install(ingest=not supervised)  # beside a control process, that one ingests
    _begin_threads(app, supervised=supervised, beat=not options.no_beat)
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
            *further,
        ]
    )


def _begin_threads(app: Any, *, supervised: bool, beat: bool) -> None:
    from celery import signals
    from django.conf import settings

    from gateway_project.supervisor import redelivery
    from gateway_project.supervisor.beat import Beat

    data_dir = Path(settings.DATA_DIR)
    if redelivery.applies(settings.BROKER_URL):
        redelivery.Redelivery(app, family=_family(data_dir) if supervised else uuid.uuid4().hex).begin()
    if beat and settings.REDIS_URL:
        ticking = Beat(app, redis_url=settings.REDIS_URL, schedule=data_dir / "beat" / "schedule")
        ticking.begin()
        signals.worker_shutdown.connect(lambda **_: ticking.end(), weak=False)


def _family(data_dir: Path) -> str:
    """Of all workers that a supervisor starts on this data folder, one after the other."""
    return hashlib.sha256(f"{socket.gethostname()}:{data_dir}".encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
