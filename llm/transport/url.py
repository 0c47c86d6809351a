"""A provider's URL, judged by the address policy and read once."""

from __future__ import annotations

import functools

from yarl import URL

from llm.transport import address, failures


@functools.lru_cache(maxsize=1024)
def judged(url: str, allow_private: bool) -> URL:
    """UpstreamUnreachable where the policy refuses it. What is dialled is judged again when it is dialled; a literal
    address also here, for proxies' sake."""
    try:
        address.check_url(url, allow_private=allow_private)
        parsed = URL(url)
        address.check_host(parsed.raw_host or "", allow_private=allow_private)  # as it is dialled: in its IDNA form
    except ValueError as error:
        raise failures.address_refused() from error
    return parsed
