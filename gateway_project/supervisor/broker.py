"""Celery's Redis transport for a worker that may be killed, or lose its Redis, at any moment.

kombu takes a task in one step and notes that it has it in a second one: what is killed in between is lost. Here a
script in Redis does both at once. When its connection breaks kombu forgets what runs: acknowledgements go nowhere, and
it fails itself while it closes what is broken. Here they go over connections that outlive it, what runs goes on, and
what was taken but does not run is put back once the worker is connected again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty
from time import monotonic, time
from typing import Any, Final

from celery.worker import state
from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.transport import redis as kombu_redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads

log = logging.getLogger(__name__)
WORKERS: Final = "llm_gateway:workers"  # the names of all workers that may hold a task
OLDEST: Final = (6, 2)  # the first Redis with BLMOVE

# What is no task of Celery's is taken away too, and not noted: it would stand in the way for ever.
_TAKE: Final = """
local unacked, index, workers = KEYS[1], KEYS[2], KEYS[3]
for number = 4, #KEYS do
  local item = redis.call('RPOP', KEYS[number])
  if item then
    local queue = ARGV[number - 1]
    local readable, message = pcall(cjson.decode, item)
    local properties = readable and type(message) == 'table' and message['properties']
    local tag = type(properties) == 'table' and properties['delivery_tag']
    if type(tag) == 'string' then
      redis.call('SADD', workers, ARGV[1])
      redis.call('HSET', unacked, tag, '[' .. item .. ', "", ' .. cjson.encode(queue) .. ']')
      redis.call('ZADD', index, ARGV[2], tag)
      return {queue, item}
    end
    return {queue, ''}
  end
end
return false
"""


def install() -> None:
    """From now on this process speaks to Redis brokers by this transport; before its first connection to one."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


class _Noted(kombu_redis.QoS):
    restore_at_shutdown = False  # what is open stays in the worker's place; the next one of it puts it back

    def append(self, message: Any, delivery_tag: str) -> None:
        """The script has noted it in Redis already."""
        virtual.QoS.append(self, message, delivery_tag)


class Channel(kombu_redis.Channel):
    """Option `worker`: the name that goes into WORKERS with the first task that is taken."""

    QoS = _Noted
    worker = ""
    from_transport_options = (*kombu_redis.Channel.from_transport_options, "worker")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lasting = self._create_client()
        self._take = self._lasting.register_script(_TAKE)
        self._looked_for: list[tuple[str, str]] = []  # (key, queue), in the order in which they are taken from

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Usable after the channel was closed: what runs is acknowledged later."""
        yield client or self._lasting

    def basic_consume(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("no_ack"):
            self._put_strays_back()
        return super().basic_consume(queue, *args, **kwargs)

    def _put_strays_back(self) -> None:
        """What an earlier connection took and this process does not run: its answer never came, or its time had not."""
        # A copy of the set behind it, in one step: other threads add to it.
        requests = [reference() for reference in list(state.active_requests.data)]
        running = {request.message.delivery_tag for request in requests if request is not None}
        for tag in map(bytes_to_str, self._lasting.hkeys(self.unacked_key)):
            if tag not in running:
                self.qos.restore_by_tag(tag)

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Waits for a task and leaves it where it is."""
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        self._looked_for = [(self._q_for_pri(queue, step), queue) for step in self.priority_steps for queue in queues]
        key = self._looked_for[0][0]  # of the others it hears when its time is over
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        seconds = self.brpop_timeout if timeout is None else timeout
        self.client.connection.send_command("BLMOVE", key, key, "RIGHT", "RIGHT", seconds)

    def _brpop_read(self, **options: Any) -> bool:
        try:
            queue, item = self._taken(options)
        finally:
            self._in_poll = None
        self._queue_cycle.rotate(queue)
        if not item:
            log.error("a message in the queue was no task and is dropped", extra={"queue": queue})
            raise Empty
        self.connection._deliver(loads(item), queue)
        return True

    def _taken(self, options: dict[str, Any]) -> tuple[str, str]:
        """(queue, message); Empty where there is none. An empty message is one that could not be read."""
        if self._closing:
            self.client.connection.disconnect()
            raise Empty
        keys = [self.unacked_key, self.unacked_index_key, WORKERS, *(key for key, _ in self._looked_for)]
        arguments = [self.worker, time(), *(queue for _, queue in self._looked_for)]
        try:
            self.client.parse_response(self.client.connection, "BLMOVE", **options)
            found = self._take(keys=keys, args=arguments)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        if not found:
            raise Empty
        return bytes_to_str(found[0]), bytes_to_str(found[1])


class Transport(kombu_redis.Transport):
    Channel = Channel
