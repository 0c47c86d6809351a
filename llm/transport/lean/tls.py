"""TLS contexts: one for each way of verifying, made on first use; sessions are resumed by host."""

from __future__ import annotations

import functools
import os
import ssl
import sys
from typing import Final

_KEPT_SESSIONS: Final = 256


class Context(ssl.SSLContext):
    """Resumes the last session with a host. What was verified when that session began is not verified again: so it is
    kept with the context, which is of one way of verifying, and by the host's name."""

    sessions: dict[str, ssl.SSLSession]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        if session is None and isinstance(server_hostname, str):
            session = self.sessions.get(server_hostname)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def remember(self, host: str, session: ssl.SSLSession | None) -> None:
        if session is None or not session.has_ticket:
            return
        if host not in self.sessions and len(self.sessions) >= _KEPT_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[host] = session


def remember(made: ssl.SSLObject | None) -> None:
    """Call it once the first answer is here: by then the server has given its tickets. None: no TLS."""
    if made is not None and isinstance(made.context, Context) and made.server_hostname is not None:
        made.context.remember(made.server_hostname, made.session)


def context(verify: bool | str) -> Context:
    """OSError or ssl.SSLError where the bundle cannot be read. A bundle that is changed is read again."""
    return _context(verify, os.stat(verify).st_mtime_ns if isinstance(verify, str) else 0)


@functools.lru_cache(maxsize=32)
def _context(verify: bool | str, _changed: int) -> Context:
    made = Context(ssl.PROTOCOL_TLS_CLIENT)
    made.sessions = {}
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    if sys.version_info >= (3, 13):  # as ssl.create_default_context does from then on
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    if verify is False:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif verify is True:
        made.load_default_certs()
    elif os.path.isdir(verify):
        made.load_verify_locations(capath=verify)
    else:
        made.load_verify_locations(cafile=verify)
    return made
