"""Which addresses may be dialled. Pure: no I/O, names are judged only where the name itself is known to be bad.

    always refused      link-local, cloud metadata, unspecified, multicast, broadcast, reserved
    by `allow_private`  loopback, private, carrier-grade NAT, unique-local, and all else that is not global
    allowed             the rest

IPv6 forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) are judged by what they carry.
`check_url` is for validation when an address is entered; `allowed` judges what is really dialled.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

_NEVER: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of nearly every cloud
        "224.0.0.0/4",
        "240.0.0.0/4",  # reserved; holds 255.255.255.255
        "100.100.100.200/32",  # Alibaba Cloud metadata
        "168.63.129.16/32",  # Azure platform service
        "192.0.0.192/32",  # Oracle Cloud metadata
        "::/128",
        "fe80::/10",
        "ff00::/8",
        "fd00:ec2::/32",  # AWS local services, metadata at ::254
        "fd20:ce::254/128",  # Google Cloud metadata
    )
)
_PRIVATE: Final = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "64:ff9b:1::/48",  # local-use NAT64; older Pythons take it for global
        "::1/128",
        "fc00::/7",
        "fec0::/10",
    )
)
_NAT64: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ip_network("::/96")
_METADATA_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)


def allowed(ip: str | Address, allow_private: bool) -> bool:
    """May this address be dialled? A text that is no address is refused."""
    try:
        address = ip_address(ip.partition("%")[0]) if isinstance(ip, str) else ip
    except ValueError:
        return False
    return all(_allowed(one, allow_private) for one in _meant(address))


def check_url(url: str, *, allow_private: bool = True) -> None:
    """Raise ValueError, with a message for the operator, where `url` may not be an upstream's or a proxy's address."""
    if any(character <= " " or character in '\\"<>`{}|^\x7f' for character in url):
        raise ValueError("The URL holds characters that are not allowed in one.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("This is not a valid URL.") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError("The URL must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise ValueError("The URL must not hold a user name or a password.")
    if not host or port == 0:
        raise ValueError("The URL must name a host, and the port must be 1 to 65535.")
    check_host(host, allow_private=allow_private)


def check_host(host: str, *, allow_private: bool = True) -> None:
    """Raise ValueError where the host, as it is written, is refused. Names are not resolved."""
    # Names are dialled in their compatibility form: full-width digits and ideographic full stops make an address too.
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().rstrip(".")
    if name in _METADATA_NAMES:
        raise ValueError("This is the address of a cloud's metadata service.")
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"
    if ":" not in name and not _looks_numeric(name):
        return
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError as error:
        raise ValueError("This is not a valid IP address: write it in its usual form.") from error
    if not allowed(address, True):
        raise ValueError("Link-local, metadata, multicast and unspecified addresses are not allowed.")
    if not allowed(address, allow_private):
        raise ValueError("Loopback and private addresses are not allowed here (LLM_GATEWAY_ALLOW_PRIVATE_UPSTREAMS).")


def _allowed(address: Address, allow_private: bool) -> bool:
    if any(address in network for network in _NEVER):
        return False
    return allow_private or not (any(address in network for network in _PRIVATE) or not address.is_global)


def _meant(address: Address) -> Iterator[Address]:
    """The addresses that this one may lead to. All of them have to be allowed."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif address in _NAT64[0] or (address in _COMPATIBLE and int(address) > 1):
        yield _low_half(address)
    elif address in _NAT64[1]:
        yield from (address, _low_half(address))  # a site's own translator: private, whatever it carries
    else:
        yield address


def _low_half(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _looks_numeric(name: str) -> bool:
    """Whether the system's resolver may read the name as an IPv4 address (2130706433, 0x7f.1, 0177.0.0.1 too)."""
    last = name.rpartition(".")[2]
    return last.isdigit() or (last.startswith("0x") and all(character in "0123456789abcdef" for character in last[2:]))
