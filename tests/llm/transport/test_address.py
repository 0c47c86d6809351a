"""The address policy: every way to write an address means the same address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.transport.address import allowed, check_url

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "2001:db8::1",
    "64:ff9b:1::5db8:d822",
]
PUBLIC = ["8.8.8.8", "104.18.7.192", "172.32.0.1", "100.128.0.1", "2606:4700::6812:7c0", "2001:4860:4860::8888"]

v4 = st.one_of(
    st.ip_addresses(v=4), st.sampled_from([ip_address(ip) for ip in (*NEVER, *PRIVATE, *PUBLIC) if "." in ip])
)


def carriers(inner: IPv4Address) -> list[IPv6Address]:
    """The IPv6 forms that lead to this IPv4 address."""
    low = int(inner)
    mapped = IPv6Address((0xFFFF << 32) | low)
    nat64 = IPv6Address((0x0064_FF9B << 96) | low)
    sixtofour = IPv6Address((0x2002 << 112) | (low << 80) | 1)
    return [mapped, nat64, sixtofour]


@pytest.mark.parametrize("ip", NEVER)
def test_some_addresses_are_never_dialled(ip: str) -> None:
    assert not allowed(ip, True)
    assert not allowed(ip, False)


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_need_permission(ip: str) -> None:
    assert allowed(ip, True)
    assert not allowed(ip, False)


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses_are_allowed(ip: str) -> None:
    assert allowed(ip, False)
    assert allowed(ip, True)


@given(v4, st.booleans())
def test_an_ipv6_form_is_judged_by_the_ipv4_address_in_it(inner: IPv4Address, allow_private: bool) -> None:
    for carrier in carriers(inner):
        assert allowed(carrier, allow_private) == allowed(inner, allow_private), carrier
        assert allowed(carrier.exploded, allow_private) == allowed(str(inner), allow_private)


@given(v4, st.ip_addresses(v=4, network="8.0.0.0/8"))
def test_teredo_is_judged_by_server_and_client(client: IPv4Address, server: IPv4Address) -> None:
    teredo = IPv6Address((0x2001_0000 << 96) | (int(server) << 64) | (int(client) ^ 0xFFFFFFFF))
    assert allowed(teredo, True) == (allowed(client, True) and allowed(server, True))


@given(st.ip_addresses(), st.booleans())
def test_permission_only_ever_widens(ip: IPv4Address | IPv6Address, _: bool) -> None:
    assert allowed(ip, True) or not allowed(ip, False)
    assert allowed(str(ip), True) == allowed(ip, True)


@given(st.text(max_size=20))
def test_what_is_no_address_is_refused(text: str) -> None:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        assert not allowed(text, True)


GOOD_URLS = [
    "https://api.openai.com/v1",
    "http://127.0.0.1:8000",
    "http://localhost:11434/v1",
    "http://[::1]:8080/",
    "https://8.8.8.8",
    "https://my-resource.openai.azure.com/openai/deployments/x?api-version=1",
    "http://10.0.0.5:4000/v1",
    "https://0xabc.example.com/",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_good_urls(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com", "http"),
        ("file:///etc/passwd", "http"),
        ("api.openai.com/v1", "http"),
        ("https://", "host"),
        ("https:///v1", "host"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "valid URL"),
        ("https://user:secret@example.com/", "user name"),
        ("https://user@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://exa mple.com/", "characters"),
        ("https://example.com\\@127.0.0.1/", "characters"),
        ("https://example.com/\r\nx: y", "characters"),
        ("http://169.254.169.254/latest/meta-data", "Link-local"),
        ("http://[fe80::1]/", "Link-local"),
        ("http://[fd00:ec2::254]/", "Link-local"),
        ("http://[::ffff:169.254.169.254]/", "Link-local"),
        ("http://0.0.0.0:8000/", "Link-local"),
        ("http://metadata.google.internal/", "metadata"),
        ("http://METADATA.google.internal./", "metadata"),
        ("http://2852039166/", "usual form"),
        ("http://0xa9fea9fe/", "usual form"),
        ("http://0xA9.0xFE.0xA9.0xFE/", "usual form"),
        ("http://0251.0376.0251.0376/", "usual form"),
        ("http://127.1/", "usual form"),
        ("http://169.254.169.254./", "Link-local"),
        ("http://\uff11\uff16\uff19.254.169.254/", "Link-local"),
        ("http://169\u3002254\u3002169\u3002254/", "Link-local"),
        ("http://[::1/", "valid URL"),
    ],
)
def test_bad_urls_say_why(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_url(url)


@pytest.mark.parametrize("url", ["http://localhost/", "http://a.localhost/", "http://10.0.0.1/", "http://[::1]/"])
def test_private_literals_need_permission(url: str) -> None:
    check_url(url)
    with pytest.raises(ValueError, match="private"):
        check_url(url, allow_private=False)


@given(st.text())
def test_any_text_is_taken_or_refused_with_a_message(url: str) -> None:
    try:
        check_url(f"http://{url}")
    except ValueError as error:
        assert str(error).endswith(".")


def test_a_refusal_never_repeats_the_url() -> None:
    with pytest.raises(ValueError) as refused:
        check_url("https://user:hunter2@example.com/")
    assert "hunter2" not in str(refused.value)
