"""What a transport's errors say. Texts are fixed: no address, no header, nothing from outside."""

from __future__ import annotations

from typing import Final, Literal

from llm.errors import UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable

Phase = Literal["connect", "first_byte", "idle", "total"]

_LATE: Final[dict[Phase, str]] = {
    "connect": "The provider could not be reached in time.",
    "first_byte": "The provider did not begin its answer in time.",
    "idle": "The provider's answer stalled.",
    "total": "The provider's answer took too long.",
}


def late(phase: Phase) -> UpstreamTimeout:
    return UpstreamTimeout(_LATE[phase], phase=phase)


def going_down() -> UpstreamUnreachable:
    return UpstreamUnreachable("The gateway is going down.")


def address_refused() -> UpstreamUnreachable:
    return UpstreamUnreachable("The provider's address is not allowed by the gateway's policy.")


def address_invalid() -> UpstreamUnreachable:
    return UpstreamUnreachable("The provider's address is not valid.")


def name_unknown() -> UpstreamUnreachable:
    return UpstreamUnreachable("The provider's host name could not be resolved.")


def not_reached() -> UpstreamUnreachable:
    return UpstreamUnreachable("The provider could not be reached.")


def not_secure() -> UpstreamUnreachable:
    return UpstreamUnreachable("No secure connection to the provider: its certificate or TLS is not accepted.")


def proxy_not_reached() -> UpstreamUnreachable:
    return UpstreamUnreachable("The proxy to the provider could not be reached.")


def proxy_refused() -> UpstreamUnreachable:
    return UpstreamUnreachable("The proxy refused the connection to the provider.")


def header_invalid() -> UpstreamUnreachable:
    return UpstreamUnreachable("The request cannot be sent: a header holds characters that are not allowed.")


def broke() -> UpstreamUnreachable:
    return UpstreamUnreachable("The connection to the provider broke.")


def cut_off() -> UpstreamUnreachable:
    return UpstreamUnreachable("The provider's answer was cut off.")


def no_http() -> UpstreamMalformed:
    return UpstreamMalformed("The provider's answer is no valid HTTP.")


def not_unpacked() -> UpstreamMalformed:
    return UpstreamMalformed("The provider's answer could not be decompressed.")


def too_large() -> UpstreamMalformed:
    return UpstreamMalformed("The provider's answer is too large.")
