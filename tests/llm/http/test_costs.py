"""What a call costs, told in its answer and in its record."""

from __future__ import annotations

from llm.prices import Price, Rates
from llm.snapshot import Model
from tests.llm.http.serving import Serving, chat, message
from tests.llm.service.snapshots import openai, snapshot
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import Tokens
from tests.support.upstream_behaviours import text

PRICE = Price(rates=Rates(input=2_500_000_000, output=10_000_000_000), per_request=1_000)


def door_to(provider: FakeUpstream) -> Serving:
    models = [Model("oa", "gpt-4o", prices=(PRICE,)), Model("oa", "free")]
    return Serving(snapshot([openai("oa", provider.url)], models))


async def test_an_answer_tells_its_cost_exactly(provider: FakeUpstream) -> None:
    async with door_to(provider) as door:
        for path, body in (("/v1/chat/completions", chat("gpt-4o")), ("/v1/messages", message("gpt-4o"))):
            provider.script(text("fine", tokens=Tokens(10, 5)))
            answered = await door.post(path, body)
            assert answered.headers["x-gateway-cost-usd"] == "0.000076"
        records = await door.records(2)
        assert [record.cost_nano_usd for record in records] == [10 * 2500 + 5 * 10_000 + 1000] * 2


async def test_without_a_price_there_is_no_cost(provider: FakeUpstream) -> None:
    async with door_to(provider) as door:
        provider.script(text("fine"))
        answered = await door.post("/v1/chat/completions", chat("free"))
        assert "x-gateway-cost-usd" not in answered.headers
        assert (await door.record()).cost_nano_usd is None


async def test_a_stream_has_its_cost_in_the_record_only(provider: FakeUpstream) -> None:
    async with door_to(provider) as door:
        provider.script(text("fine", tokens=Tokens(10, 5)))
        body = chat("gpt-4o", stream=True, stream_options={"include_usage": True})
        answered = await door.post("/v1/chat/completions", body)
        assert "x-gateway-cost-usd" not in answered.headers
        assert (await door.record()).cost_nano_usd == 10 * 2500 + 5 * 10_000 + 1000


async def test_a_call_that_failed_without_tokens_costs_nothing(provider: FakeUpstream) -> None:
    async with door_to(provider) as door:
        provider.script(faults.context_length_exceeded())
        answered = await door.post("/v1/chat/completions", chat("gpt-4o"))
        assert answered.status == 400
        assert (await door.record()).cost_nano_usd == 0
