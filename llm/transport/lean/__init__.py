"""Our own HTTP/1.1 client pool: asyncio's protocols, httptools' parser, and no more in between than a call needs."""

from llm.transport.lean.transport import LeanTransport

__all__ = ["LeanTransport"]
