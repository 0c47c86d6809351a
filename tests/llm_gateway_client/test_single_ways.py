"""What only one way has: keys over HTTP, the broker and its results by Celery."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import celery
import pytest
import redis

from llm_gateway_client import LLMConfig, LLMGatewayClient, LLMRequest
from llm_gateway_client.celery_door import CeleryDoor
from llm_gateway_client.celery_results import Results
from tests.llm_gateway_client import ways
from tests.llm_gateway_client.ways import Setting, Way
from tests.support.eventually import eventually
from tests.support.gateway import free_port
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, text

ASK = LLMRequest("Hello", LLMConfig("echo"))
CROWD = 150


async def test_a_wrong_key_is_refused(setting: Setting) -> None:
    async with LLMGatewayClient(setting.gateway.url, "gw-wrong-key-0123456789abcdef0123456789") as client:
        found = (await client.generate(ASK)).error_details
        assert found is not None
        assert (found.code, found.status, found.retryable) == ("invalid_api_key", 401, False)


async def test_a_project_must_accept_tasks(setting: Setting) -> None:
    assert setting.gateway.rest("POST", "/projects", json={"slug": "no-tasks"}).status_code == 201
    async with LLMGatewayClient(broker_url=setting.gateway.redis_url(), project="no-tasks") as client:
        found = (await client.generate(ASK)).error_details
        assert found is not None and found.code == "invalid_request" and "task" in found.message


async def test_answers_do_not_stay_in_the_backend(setting: Setting) -> None:
    url = setting.gateway.redis_url()
    with redis.Redis.from_url(url) as store:
        before = set(store.scan_iter("celery-task-meta-*"))  # of tasks that other tests gave up
        async with LLMGatewayClient(broker_url=url) as client:
            assert (await client.generate(ASK)).generated_content == "Echo: Hello"
        eventually(lambda: set(store.scan_iter("celery-task-meta-*")) <= before)


@pytest.fixture
def own_celery(monkeypatch: pytest.MonkeyPatch) -> Iterator[celery.Celery]:
    """The application of a service, with a broker of its own."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setenv("CELERY_BROKER_URL", nowhere)
    monkeypatch.setenv("CELERY_RESULT_BACKEND", nowhere)
    before = celery.current_app._get_current_object()
    made = celery.Celery("backoffice", broker=nowhere)
    yield made
    made.close()
    before.set_current()


async def test_a_service_keeps_its_own_celery(setting: Setting, own_celery: celery.Celery) -> None:
    """Its application stays the current one, and what it tells Celery by the environment is not taken for ours."""
    async with LLMGatewayClient(broker_url=setting.gateway.redis_url()) as client:
        assert (await client.generate(ASK)).generated_content == "Echo: Hello"
    assert celery.current_app.main == "backoffice"


@pytest.mark.parametrize("way", ways.WAYS, ids=lambda way: way.name)
def test_a_services_own_task_may_call(setting: Setting, own_celery: celery.Celery, way: Way) -> None:
    with way.client(setting) as client:

        @own_celery.task  # type: ignore[untyped-decorator]  # reason: Celery has no types
        def asks() -> str | None:
            return client.generate_sync(ASK).generated_content

        assert asks.apply().get() == "Echo: Hello"


async def test_a_crowd_of_tasks_needs_no_crowd_of_threads(setting: Setting) -> None:
    with FakeUpstream.in_thread() as crowd:
        crowd.default = text("ready")
        provider = {
            "provider_id": "crowd",
            "provider_type": "openai",
            "connection_params": {"api_base": f"{crowd.url}/v1"},
            "models": [{"model_id": "m"}],
            "api_key": {"key_value": ways.KEY},
        }
        assert setting.gateway.rest("POST", "/providers", json=provider).status_code == 201
        async with LLMGatewayClient(broker_url=setting.gateway.redis_url()) as client:
            request = LLMRequest("Hello", LLMConfig("crowd/m"))
            while (await client.generate(request)).error_details is not None:
                continue  # the worker has not heard of the provider yet
            first = len(crowd.requests)
            crowd.default = held(text("at last"))
            threads = threading.active_count()
            requests = [request] * CROWD
            running = asyncio.create_task(client.generate_batch(requests, max_concurrency=CROWD))
            await asyncio.to_thread(crowd.wait_request, first + CROWD, 25)
            assert threading.active_count() - threads < 10
            crowd.release()
            assert {response.generated_content for response in await running} == {"at last"}


async def test_a_broker_that_is_away_is_told_without_its_password() -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}/0"
    async with LLMGatewayClient(broker_url=url, max_retries=0) as client:
        found = (await client.generate(ASK)).error_details
        assert found is not None
        assert (found.code, found.source, found.retryable) == ("connection_failed", "client", True)
        assert (await client.health_check())["healthy"] is False
    assert "secret" not in repr(found) + repr(client.door)


@pytest.mark.parametrize("url", ["redis://:se/cret@broker:6379/0", "redis://:se#cret@broker", "redis://:se?cret@b"])
def test_a_password_that_is_not_encoded_is_refused_and_not_shown(url: str) -> None:
    for broker, backend in ((url, None), ("redis://broker", url)):
        with pytest.raises(ValueError, match="percent-encoded") as caught:
            CeleryDoor(broker, result_backend=backend)
        assert "cret" not in str(caught.value)
    assert CeleryDoor("sentinel://one:26379;sentinel://two:26379", result_backend="redis://:p%2Fw@results:6379/1")


@pytest.mark.parametrize(
    ("broker", "backend", "word"),
    [
        ("amqp://broker", None, "result_backend"),
        ("amqp://broker", "rpc://", "result_backend"),
        ("", None, "broker_url"),
    ],
)
def test_results_are_in_a_redis(broker: str, backend: str | None, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CeleryDoor(broker, result_backend=backend)
    assert CeleryDoor("amqp://broker", result_backend="redis://results")


async def test_results_are_waited_for_while_the_backend_is_away() -> None:
    answers: list[object] = [ConnectionError("away"), {}, {"one": {"status": "SUCCESS", "result": 1}}]

    async def look_up(_: object) -> dict[str, dict[str, object]]:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, dict)
        return found

    assert await Results(look_up).wait("one") == {"status": "SUCCESS", "result": 1}
    assert answers == []
