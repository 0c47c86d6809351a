"""The one place where aiohttp's errors become ours."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from llm.errors import UpstreamError
from llm.transport import failures


class StaleConnection(aiohttp.ClientConnectionError):
    """The provider had closed a kept connection before anything was written to it: dialling anew is safe."""


class AddressRefused(OSError):
    """The address policy does not allow what a name resolved to. An OSError: aiohttp then tries the next address."""


def translate(error: BaseException) -> UpstreamError | None:
    """Our error for a foreign one; None where it is not the transport's (cancellation, our own errors, defects)."""
    match error:
        case StaleConnection():
            return None
        case aiohttp.ConnectionTimeoutError():
            return failures.late("connect")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return failures.not_secure()
        case aiohttp.ClientHttpProxyError():
            return failures.proxy_refused()
        case aiohttp.ClientConnectorError():
            return _not_connected(error)
        case aiohttp.InvalidURL():
            return failures.address_invalid()
        case aiohttp.ClientPayloadError():
            return _broken_body(error)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return failures.no_http()
        case aiohttp.ClientError() | OSError():
            return failures.broke()
        case ValueError():
            return failures.header_invalid()
    return None


def _not_connected(error: aiohttp.ClientConnectorError) -> UpstreamError:
    if isinstance(error.os_error, AddressRefused):
        return failures.address_refused()
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return failures.name_unknown()
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return failures.proxy_not_reached()
    return failures.not_reached()


def _broken_body(error: aiohttp.ClientPayloadError) -> UpstreamError:
    if isinstance(error.__cause__, ContentEncodingError):
        return failures.not_unpacked()
    return failures.cut_off()


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
