"""The one place where aiohttp's errors become ours. Texts are fixed: no address, no header, nothing from outside."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Final, Literal

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from llm.errors import UpstreamError, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable

Phase = Literal["connect", "first_byte", "idle", "total"]

_LATE: Final[dict[Phase, str]] = {
    "connect": "The provider could not be reached in time.",
    "first_byte": "The provider did not begin its answer in time.",
    "idle": "The provider's answer stalled.",
    "total": "The provider's answer took too long.",
}


class StaleConnection(aiohttp.ClientConnectionError):
    """The provider had closed a kept connection before anything was written to it: dialling anew is safe."""


class AddressRefused(OSError):
    """The address policy does not allow what a name resolved to. An OSError: aiohttp then tries the next address."""


def late(phase: Phase) -> UpstreamTimeout:
    return UpstreamTimeout(_LATE[phase], phase=phase)


def translate(error: BaseException) -> UpstreamError | None:
    """Our error for a foreign one; None where it is not the transport's (cancellation, our own errors, defects)."""
    match error:
        case StaleConnection():
            return None
        case aiohttp.ConnectionTimeoutError():
            return late("connect")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return UpstreamUnreachable("No secure connection to the provider: its certificate or TLS is not accepted.")
        case aiohttp.ClientHttpProxyError():
            return UpstreamUnreachable("The proxy refused the connection to the provider.")
        case aiohttp.ClientConnectorError():
            return _not_connected(error)
        case aiohttp.InvalidURL():
            return UpstreamUnreachable("The provider's address is not valid.")
        case aiohttp.ClientPayloadError():
            return _broken_body(error)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return UpstreamMalformed("The provider's answer is no valid HTTP.")
        case aiohttp.ClientError() | OSError():
            return UpstreamUnreachable("The connection to the provider broke.")
        case ValueError():
            return UpstreamUnreachable("The request cannot be sent: a header holds characters that are not allowed.")
    return None


def _not_connected(error: aiohttp.ClientConnectorError) -> UpstreamError:
    if isinstance(error.os_error, AddressRefused):
        return UpstreamUnreachable("The provider's address is not allowed by the gateway's policy.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UpstreamUnreachable("The provider's host name could not be resolved.")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return UpstreamUnreachable("The proxy to the provider could not be reached.")
    return UpstreamUnreachable("The provider could not be reached.")


def _broken_body(error: aiohttp.ClientPayloadError) -> UpstreamError:
    if isinstance(error.__cause__, ContentEncodingError):
        return UpstreamMalformed("The provider's answer could not be decompressed.")
    return UpstreamUnreachable("The provider's answer was cut off.")


class Mapped:
    """`with mapped:` raises our error, from the foreign one. Without state: one instance serves all."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and (ours := translate(error)) is not None:
            raise ours from error


mapped: Final = Mapped()
