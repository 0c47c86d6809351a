"""Calls in this process: answers, streams, errors and records, from any loop and thread."""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import pytest

from llm import sync
from llm.adapters.echo import Echo
from llm.core.client import LLMGatewayClient
from llm.core.config import GatewayConfig
from llm.core.config_loader import ConfigLoader
from llm.core.errors import ConfigurationError
from llm.core.factory import ProviderFactory
from llm.core.models import ErrorDetails, FinishReason, InterventionContext, LLMConfig, LLMRequest, LLMResponse
from llm.spec import Request, Result, Target
from llm_gateway_client.door import Wishes
from llm_gateway_client.errors import GatewayFailure, LLMGatewayError
from tests.llm.core.files import yaml
from tests.support import upstream_faults as faults
from tests.support.eventually import eventually
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, held_stream, text


def ask(model: str = "p/m", prompt: str = "Hello", **config: object) -> LLMRequest:
    return LLMRequest(prompt, LLMConfig(model, **config))  # type: ignore[arg-type]  # reason: any field of it


def details(response: LLMResponse) -> ErrorDetails:
    assert response.finish_reason is FinishReason.ERROR and response.error_details is not None
    return response.error_details


async def test_an_answer_with_its_trail_and_its_record(provider: FakeUpstream, client: LLMGatewayClient) -> None:
    context = InterventionContext("id-1", "s-1", "c-1", "u-1", "k-1", tags={"team": "x"})
    response = await client.generate(LLMRequest("Hello", LLMConfig("p/priced", max_tokens=9), context))
    assert response.generated_content and response.finish_reason is FinishReason.STOP
    assert (response.provider, response.model, response.request_id, response.revision) == ("p", "priced", "id-1", 0)
    assert (response.performance_metrics.attempts, response.cache_metadata.status) == (1, "bypass")
    assert response.performance_metrics.overhead_ms and response.usage and response.usage.total_tokens
    sent = provider.requests[0]
    assert sent.json["model"] == "priced" and sent.json["max_tokens"] == 9 and sent.json["user"] == "u-1"
    record = client.recent_calls[0]
    assert (record.call_id, record.request_id, record.end_user) == (response.call_id, "id-1", "u-1")
    assert (record.project, record.key, record.endpoint) == ("default", "", "chat/completions")
    assert record.tags == {"session_id": "s-1", "conversation_id": "c-1", "correlation_id": "k-1", "team": "x"}
    assert record.cost_nano_usd and math.isclose(response.usage.cost_usd or 0, record.cost_nano_usd / 1e9)


async def test_a_stream_tells_at_its_end_what_it_cost(client: LLMGatewayClient) -> None:
    chunks = [chunk async for chunk in client.generate_stream(ask("p/priced"))]
    last = chunks[-1]
    assert len(chunks) > 2 and last.is_final and last.response is not None and last.response.usage is not None
    assert "".join(chunk.delta_text for chunk in chunks) == last.response.generated_content
    assert last.response.usage.cost_usd and last.response.provider == "p"
    assert client.recent_calls[-1].status == "succeeded" and client.recent_calls[-1].stream


async def test_leaving_a_stream_ends_its_call(provider: FakeUpstream, client: LLMGatewayClient) -> None:
    provider.script(held_stream())
    async with aclosing(client.generate_stream(ask())) as chunks:
        await anext(chunks)
    assert client.recent_calls[-1].status == "cancelled"
    await provider.wait_disconnect()


async def test_a_stream_that_breaks_off_is_a_failure(provider: FakeUpstream, client: LLMGatewayClient) -> None:
    provider.script(faults.cut())
    last = [chunk async for chunk in client.generate_stream(ask("once"))][-1]
    assert last.error_details is not None and last.error_details.code == "upstream_error"
    assert last.response is not None and last.response.generated_content
    assert client.recent_calls[-1].status == "failed"


async def test_cancelling_the_task_ends_the_call(provider: FakeUpstream, client: LLMGatewayClient) -> None:
    provider.script(held(text("late")))
    task = asyncio.create_task(client.generate(ask()))
    await provider.wait_request()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await provider.wait_disconnect()
    await asyncio.to_thread(eventually, lambda: client.recent_calls)
    assert client.recent_calls[0].status == "cancelled"


async def test_a_call_that_takes_too_long_is_ended(provider: FakeUpstream, client: LLMGatewayClient) -> None:
    provider.script(held(text("late")))
    response = await client.generate(ask(timeout_seconds=0.05))
    assert (details(response).code, details(response).retryable) == ("upstream_timeout", True)


async def test_errors_are_those_of_every_door(provider: FakeUpstream, client: LLMGatewayClient) -> None:
    unknown = details(await client.generate(ask("nowhere")))
    assert (unknown.code, unknown.status, unknown.source) == ("model_not_found", 404, "gateway")
    wrong = details(await client.generate(ask(extra={"tools": "all"})))
    assert (wrong.code, wrong.status) == ("invalid_request", 400) and "'tools'" in wrong.message
    provider.default = faults.rate_limited(retry_after=7)
    limited = details(await client.generate(ask("once")))
    assert (limited.code, limited.status, limited.retry_after_seconds) == ("rate_limit_exceeded", 429, 7.0)
    assert (limited.source, limited.retryable) == ("provider", True)
    assert [record.error_code for record in client.recent_calls] == [
        "model_not_found",
        "invalid_request",
        "rate_limit_exceeded",
    ]


async def test_a_project_must_accept_tasks(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml(providers={"e": {"provider_type": "echo", "models": {"echo": {}}}}, projects={"shy": {}}))
    config = ConfigLoader(file).load_config_as_object()
    for project in ("shy", "nowhere"):
        async with LLMGatewayClient(config, project=project) as client:
            assert "does not accept tasks" in details(await client.generate(ask("echo"))).message


async def test_an_endpoint_that_the_door_does_not_have(client: LLMGatewayClient) -> None:
    with pytest.raises(GatewayFailure) as caught:
        await client.door.call("images/generations", {}, Wishes(request_id="id-1"))
    assert (caught.value.code, caught.value.status) == ("unknown_url", 404)
    with pytest.raises(TypeError, match="JSON"):
        await client.door.call("chat/completions", {"metadata": {1}}, Wishes())


async def test_embeddings(client: LLMGatewayClient) -> None:
    found = await client.embed(["one", "two"], "echo")
    assert len(found.vectors) == 2 and found.provider == "e"
    with pytest.raises(LLMGatewayError, match="model_not_found"):
        await client.embed("one", "nowhere")


class Shouting(Echo):
    async def complete(self, request: Request, target: Target) -> Result:
        result = await super().complete(request, target)
        result.body = result.body.replace(b"Echo: Hello", b"HELLO")
        return result


class Broken(Echo):
    async def complete(self, request: Request, target: Target) -> Result:
        raise RuntimeError("sk-secret")


async def test_ones_own_kinds_serve_and_their_defects_are_failures(tmp_path: Path) -> None:
    factory = ProviderFactory()
    factory.register("shout", Shouting, default_base_url="echo:", parameters=[])
    factory.register("broken", Broken, default_base_url="echo:", parameters=[])
    file = tmp_path / "gateway.yaml"
    kinds = ("shout", "broken")
    file.write_text(yaml(providers={kind: {"provider_type": kind, "models": {kind: {}}} for kind in kinds}))
    async with LLMGatewayClient(ConfigLoader(file).load_config_as_object(), factory) as client:
        response = await client.generate(ask("shout"))
        assert (response.provider, response.generated_content) == ("shout", "HELLO")
        broken = details(await client.generate(ask("broken")))
    assert (broken.code, broken.status, broken.message) == ("internal_error", 500, "The gateway failed.")


async def test_every_loop_and_thread_may_call_at_once(client: LLMGatewayClient) -> None:
    def thread(number: int) -> list[str | None]:
        async def own_loop() -> LLMResponse:
            return await client.generate(ask("echo", f"loop {number}"))

        here = client.generate_sync(ask("echo", f"thread {number}"))
        streamed = [*client.generate_stream_sync(ask("echo", f"stream {number}"))][-1].response
        assert streamed is not None
        return [one.generated_content for one in (here, asyncio.run(own_loop()), streamed)]

    def all_threads() -> list[list[str | None]]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(thread, range(16)))

    found, here = await asyncio.gather(
        asyncio.to_thread(all_threads), client.generate_batch([ask("echo", f"here {n}") for n in range(16)])
    )
    assert found == [[f"Echo: {kind} {n}" for kind in ("thread", "loop", "stream")] for n in range(16)]
    assert [one.generated_content for one in here] == [f"Echo: here {n}" for n in range(16)]
    assert client.generate_sync(ask("echo")).generated_content == "Echo: Hello"  # inside a running loop
    assert len(client.recent_calls) == 65


async def test_on_the_processs_own_loop_the_twins_are_refused_and_the_rest_works(client: LLMGatewayClient) -> None:
    sync.adopt(asyncio.get_running_loop())
    try:
        assert (await client.generate(ask())).generated_content
        assert [chunk async for chunk in client.generate_stream(ask())][-1].error_details is None
        for call in (
            lambda: client.generate_sync(ask()),
            lambda: client.generate_stream_sync(ask()),
            lambda: client.generate_batch_sync([ask()]),
            lambda: client.chat_sync("Hello", model="p/m"),
            lambda: client.embed_sync("Hello", "echo"),
            client.health_check_sync,
            client.warmup_providers_sync,
            client.close_sync,
        ):
            with pytest.raises(RuntimeError, match="own loop"):
                call()
        response = await asyncio.to_thread(client.generate_sync, ask())
        assert response.generated_content
        await client.close()
    finally:
        sync.adopt(None)


async def test_closing_gives_connections_back_and_ends_nothing_for_good(
    provider: FakeUpstream, client: LLMGatewayClient
) -> None:
    await client.generate(ask())
    assert provider.open_connections == 1
    await client.close()
    await client.close()
    await asyncio.to_thread(eventually, lambda: provider.open_connections == 0)
    assert (await client.generate(ask())).generated_content


async def test_health(client: LLMGatewayClient) -> None:
    expected = {"healthy": True, "door": "local", "revision": 0, "providers": ["e", "p"]}
    assert await client.health_check() == await client.warmup_providers() == expected


def test_wrong_arguments_raise_at_once(config: GatewayConfig, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="must be a GatewayConfig, not dict"):
        LLMGatewayClient({"version": 1})  # type: ignore[arg-type]  # reason: what is refused
    with pytest.raises(ValueError, match="project"):
        LLMGatewayClient(config, project="")
    factory = ProviderFactory()
    factory.register("mine", Echo)
    with pytest.raises(ValueError, match="Kinds of one's own"):
        LLMGatewayClient(GatewayConfig("database", {}), factory)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        ConfigLoader(tmp_path / "nowhere.yaml").load_config()
