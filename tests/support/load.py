"""A light load on a whole gateway, from threads of the test: calls, whole and streamed, and Celery tasks of a plain
client. It remembers what was acknowledged, so that a test can ask for all of it afterwards."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from uuid import UUID

import redis
import requests
from celery import Celery
from kombu.exceptions import OperationalError

from tests.support.gateway import PROJECT_KEY, GatewayProcess

PAUSE_SECONDS = 0.1
SAY = [{"role": "user", "content": "one two three"}]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`name` is the call's id, or the task's. `began` by the monotonic clock."""

    name: str
    began: float


class Load:
    """Runs while its block does. `calls` were answered whole, `tasks` taken by the broker, `refusals` are answers that
    were no 200, `cuts` calls whose connection broke."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.calls: list[Acknowledged] = []
        self.tasks: list[Acknowledged] = []
        self.refusals: list[str] = []
        self.cuts: list[str] = []
        self._gateway = gateway
        self._stop = threading.Event()
        work = (self._call_whole, self._call_streaming, self._submit)
        self._threads = [threading.Thread(target=self._repeat, args=(one,), daemon=True) for one in work]
        self._broker = gateway.redis_url()
        self._celery = Celery("a-service", broker=self._broker, set_as_current=False)
        self._celery.conf.update(broker_connection_timeout=1, task_publish_retry=False)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        self._celery.close()

    def called_since(self, moment: float) -> bool:
        return any(call.began > moment for call in self.calls[-100:])

    def finished_since(self, moment: float) -> bool:
        """Was a task done that was submitted after this moment?"""
        newer = [task.name for task in self.tasks[-200:] if task.began > moment]
        return bool(newer) and len(self.unfinished(newer)) < len(newer)

    def unfinished(self, tasks: list[str] | None = None) -> list[str]:
        """Of these tasks, or of all, those without a result; all of them while the broker is away."""
        wanted = [task.name for task in self.tasks] if tasks is None else tasks
        try:
            with redis.Redis.from_url(self._broker, socket_timeout=2) as client:
                found = client.mget([f"celery-task-meta-{name}" for name in wanted]) if wanted else []
        except redis.RedisError:
            return wanted
        return [name for name, result in zip(wanted, found, strict=True) if not result or b"SUCCESS" not in result]

    def missing(self) -> list[str]:
        """Of all that was acknowledged, what the call table does not have; a task's call has its id as request id."""
        path = self._gateway.folder / "gateway.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            rows = database.execute("SELECT call_id, request_id FROM audit_call WHERE status = 'succeeded'").fetchall()
        known = {str(UUID(call_id)) for call_id, _ in rows} | {request_id for _, request_id in rows}
        return [one.name for one in [*self.calls, *self.tasks] if one.name not in known]

    def _repeat(self, work: object) -> None:
        assert callable(work)
        while not self._stop.wait(PAUSE_SECONDS):
            work()

    def _call_whole(self) -> None:
        self._call({"model": "echo", "messages": SAY})

    def _call_streaming(self) -> None:
        self._call({"model": "echo", "messages": SAY, "stream": True})

    def _call(self, body: dict[str, object]) -> None:
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {PROJECT_KEY}"}
        try:
            url = f"{self._gateway.url}/v1/chat/completions"
            with requests.post(url, json=body, headers=headers, timeout=30) as answer:
                whole = answer.content.endswith(b"data: [DONE]\n\n") if body.get("stream") else True
        except requests.RequestException as error:
            self.cuts.append(type(error).__name__)
            return
        if answer.status_code == 200 and whole:
            self.calls.append(Acknowledged(answer.headers["x-gateway-call-id"], began))
        else:
            self.refusals.append(f"{answer.status_code} {answer.text[:200]}")

    def submit(self, model: str) -> str:
        """One more task; its id."""
        began = time.monotonic()
        arguments = {"body": {"model": model, "messages": SAY}, "project": "default"}
        task = self._celery.send_task("llm.generate", kwargs=arguments, queue="llm")
        self.tasks.append(Acknowledged(task.id, began))
        return str(task.id)

    def _submit(self) -> None:
        with suppress(OperationalError, redis.RedisError, OSError):  # not acknowledged: the broker is away
            self.submit("echo")
