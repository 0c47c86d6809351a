"""Each provider's calls go over the transport that its connection names."""

from __future__ import annotations

import pytest

from llm.errors import UpstreamUnreachable
from llm.spec import Connection, TransportName
from llm.transport.aiohttp import AiohttpAnswer
from llm.transport.choice import ChosenTransport
from llm.transport.lean.exchange import Exchange
from tests.support.wire import MakeOutbound


@pytest.mark.parametrize(("name", "kind"), [("lean", Exchange), ("aiohttp", AiohttpAnswer)])
async def test_the_connection_names_its_transport(
    outbound: MakeOutbound, name: TransportName, kind: type[object]
) -> None:
    transport = ChosenTransport()
    request = outbound(connection=Connection(allow_private=True, transport=name))
    answer = await transport.send(request)
    assert isinstance(answer, kind)
    assert b"echo: hi" in await answer.read()
    await answer.aclose()
    await transport.aclose()
    with pytest.raises(UpstreamUnreachable, match="going down"):
        await transport.send(request)
