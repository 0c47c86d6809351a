"""The way of a call through the data plane. `Gateway` is the whole of it on one screen (`gateway.py`)."""

from llm.service.call import Call, Info, Reply
from llm.service.clock import Clock
from llm.service.gateway import Gateway
from llm.service.registry import current, install
from llm.service.stream import StreamReply

__all__ = ["Call", "Clock", "Gateway", "Info", "Reply", "StreamReply", "current", "install"]
