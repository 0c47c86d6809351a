"""What processes tell each other of health, over Redis: changes of state, and who has the probe.

    <prefix>:changes               a channel: each change as it happens
    <prefix>:states                a hash: what stands open or cools down, for processes that start later
    <prefix>:probe:<subject>       whose probe it is, with an expiry

Two threads of its own speak to Redis; a call never does. A change is put into a queue; a claim is waited for,
CLAIM_SECONDS at most. While Redis is away all goes on by what this process sees, each process has its own probe, and
the newest change of each subject waits until Redis is back.

`connect` makes a client of redis-py that decodes answers, does not try again by itself, and gives up soon; `errors`
are all that it raises.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from llm.observe.health_event import Category, State, SubjectKind
from llm.policies.subject import Change, Subject

logger = logging.getLogger(__name__)

PREFIX: Final = "llm_gateway:health"
CLAIM_SECONDS: Final = 0.1
STALE_SECONDS: Final = 3600.0  # so long after its time a state is not taken over any more
KEPT_SECONDS: Final = 24 * 3600  # without any change
LISTEN_SECONDS: Final = 0.25
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
MOST_WAITING: Final = 1000  # changes, while Redis is away

_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Notice(msgspec.Struct, frozen=True):
    """A change as it goes over Redis. `process` is whose it is."""

    process: str
    kind: SubjectKind
    name: str
    fingerprint: str
    state: State
    at: float
    until: float
    category: Category
    failures: int
    level: int
    relapses: int = 0


class Listener(Protocol):
    """The Board."""

    def adopt(self, change: Change) -> None: ...


@dataclass(slots=True)
class _Claim:
    subject: Subject
    seconds: float
    answer: Future[bool]


_Item = Change | _Claim | Subject | None  # a change to publish, a claim, a claim to release, the end
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Notice).decode


class BoardShare:
    """`start()` begins its threads, `stop()` ends them. See `llm.policies.subject.Share`."""

    def __init__(
        self,
        board: Listener,
        connect: Callable[[], Any],
        *,
        errors: tuple[type[Exception], ...],
        prefix: str = PREFIX,
    ) -> None:
        self.process = secrets.token_hex(8)
        self.listening = threading.Event()  # set while changes of others come in
        self._board = board
        self._connect = connect
        self._errors = errors
        self._channel = f"{prefix}:changes"
        self._states = f"{prefix}:states"
        self._probe = f"{prefix}:probe"
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._waiting: dict[Subject, Change] = {}  # what could not be published yet
        self._away = False
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(self._speak,), name="health-speak", daemon=True),
            threading.Thread(target=self._run, args=(self._listen,), name="health-listen", daemon=True),
        ]

    def start(self) -> None:
        self._items.put(None)  # connects at once: the first claim has little time
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._items.put(None)
        for thread in self._threads:
            thread.join(timeout=5)

    def publish(self, change: Change) -> None:
        self._items.put(change)

    def release(self, subject: Subject) -> None:
        if not self._away:
            self._items.put(subject)

    async def claim(self, subject: Subject, seconds: float) -> bool:
        if self._away:
            return True
        answer: Future[bool] = Future()
        self._items.put(_Claim(subject, seconds, answer))
        try:
            async with asyncio.timeout(CLAIM_SECONDS):  # `wait_for` would swallow a cancellation that meets the answer
                return await asyncio.wrap_future(answer)
        except TimeoutError:
            return True

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # reason: top of a thread; calls go on without what it does
            logger.exception("health is not shared any more by this process")
        finally:
            self._away = True

    # The thread that speaks.

    def _speak(self) -> None:
        client, pause, retry_at = None, FIRST_PAUSE, 0.0
        while not self._stop.is_set():
            item = self._next(retry_at)
            if isinstance(item, Change):
                self._keep(item)
            if time.monotonic() < retry_at:
                _let_go(item)
                continue
            try:
                if client is None:
                    client = self._connect()
                    client.ping()
                self._do(client, item)
                pause, retry_at = FIRST_PAUSE, 0.0
                if self._away:
                    self._away = False
                    logger.info("health is shared again")
            except self._errors as error:
                if not self._away:
                    self._away = True
                    logger.warning("health is not shared: Redis is away", extra={"error": type(error).__name__})
                _let_go(item)
                _close(client)
                client = None
                retry_at = time.monotonic() + pause
                pause = min(pause * 2, LONGEST_PAUSE)
        _close(client)

    def _next(self, retry_at: float) -> _Item:
        """The next item; None at the beginning, at the end, and where it is time to try again."""
        if not self._away:
            return self._items.get()
        try:
            return self._items.get(timeout=max(0.01, retry_at - time.monotonic()))
        except queue.Empty:
            return None

    def _keep(self, change: Change) -> None:
        """Only the newest of a subject counts."""
        self._waiting.pop(change.subject, None)
        self._waiting[change.subject] = change
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _do(self, client: Any, item: _Item) -> None:
        for change in list(self._waiting.values()):
            self._send(client, change)
            del self._waiting[change.subject]
        if isinstance(item, _Claim):
            if item.answer.set_running_or_notify_cancel():
                item.answer.set_result(self._is_ours(client, item))
        elif isinstance(item, Subject):
            client.eval(_RELEASE, 1, self._probe_of(item), self.process)

    def _send(self, client: Any, change: Change) -> None:
        subject = change.subject
        notice = Notice(
            process=self.process,
            kind=subject.kind,
            name=subject.name,
            fingerprint=subject.fingerprint,
            state=change.new,
            at=change.at,
            until=change.until,
            category=change.category,
            failures=change.failures,
            level=change.level,
            relapses=change.relapses,
        )
        text, field = _encode(notice), _encode(subject)
        with client.pipeline(transaction=True) as pipeline:
            if change.new == "closed":
                pipeline.hdel(self._states, field)
            else:
                pipeline.hset(self._states, field, text)
                pipeline.expire(self._states, KEPT_SECONDS)
            pipeline.publish(self._channel, text)
            pipeline.execute()

    def _is_ours(self, client: Any, claim: _Claim) -> bool:
        """A probe of this process that was given up may still be written there: within it the board decides."""
        name = self._probe_of(claim.subject)
        if client.set(name, self.process, nx=True, px=max(1, int(claim.seconds * 1000))):
            return True
        return bool(client.get(name) == self.process)

    def _probe_of(self, subject: Subject) -> str:
        return f"{self._probe}:{subject.kind}:{subject.name}:{subject.fingerprint}"

    # The thread that listens.

    def _listen(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            client = None
            try:
                client = self._connect()
                with client.pubsub() as channel:
                    channel.subscribe(self._channel)
                    channel.get_message(timeout=LISTEN_SECONDS)  # it is subscribed: nothing is missed from here on
                    self._load(client)
                    self.listening.set()
                    pause = FIRST_PAUSE
                    while not self._stop.is_set():
                        message = channel.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
                        if message is not None:
                            self._hear(message["data"])
            except self._errors as error:
                if self.listening.is_set():
                    logger.warning("no changes of health are heard", extra={"error": type(error).__name__})
            self.listening.clear()
            _close(client)
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _load(self, client: Any) -> None:
        """What stands now. What has long been over goes."""
        now = time.time()
        for field, text in client.hgetall(self._states).items():
            notice = self._hear(text)
            if notice is None or now - notice.until > STALE_SECONDS:
                client.hdel(self._states, field)

    def _hear(self, text: str) -> Notice | None:
        try:
            notice = _decode(text)
        except msgspec.MsgspecError:  # of another version
            return None
        stale = notice.state != "closed" and time.time() - notice.until > STALE_SECONDS
        if stale or notice.process == self.process:
            return notice
        self._board.adopt(
            Change(
                subject=Subject(notice.kind, notice.name, notice.fingerprint),
                old="closed",
                new=notice.state,
                at=notice.at,
                until=notice.until,
                category=notice.category,
                failures=notice.failures,
                level=notice.level,
                relapses=notice.relapses,
                told=False,
            )
        )
        return notice


def _let_go(item: _Item) -> None:
    """A claim that cannot be asked for is granted."""
    if not isinstance(item, _Claim) or item.answer.done():
        return
    if item.answer.running() or item.answer.set_running_or_notify_cancel():
        item.answer.set_result(True)


def _close(client: Any) -> None:
    if client is not None:
        with suppress(OSError):
            client.close()
