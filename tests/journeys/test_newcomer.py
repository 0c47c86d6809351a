"""A newcomer: a provider by REST, called a second later with the official SDKs by base_url and api_key only."""

from __future__ import annotations

import anthropic
import openai
import pytest

from tests.support.eventually import eventually
from tests.support.gateway import PROJECT_KEY, GatewayProcess

SAY = [{"role": "user", "content": "hello you"}]
MODELS = ["openai-fake/m", "anthropic-fake/m", "echo"]


@pytest.fixture(autouse=True)
def served(gateway: GatewayProcess, providers: list[str]) -> None:
    """The configuration with the fake providers serves within a second."""
    for model in providers:
        eventually(lambda name=model: gateway.chat(name).status_code == 200, seconds=1.5)


@pytest.mark.parametrize("model", MODELS)
def test_the_openai_client_whole_and_streamed(gateway: GatewayProcess, model: str) -> None:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=PROJECT_KEY, max_retries=0)
    whole = client.chat.completions.create(model=model, messages=SAY)
    assert "hello you" in (whole.choices[0].message.content or "")
    assert whole.usage is not None and whole.usage.completion_tokens > 0
    stream = client.chat.completions.create(
        model=model, messages=SAY, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == whole.usage.total_tokens


@pytest.mark.parametrize("model", MODELS)
def test_the_anthropic_client_whole_and_streamed(gateway: GatewayProcess, model: str) -> None:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=PROJECT_KEY, max_retries=0)
    whole = client.messages.create(model=model, max_tokens=100, messages=SAY)
    assert "hello you" in whole.content[0].text
    with client.messages.stream(model=model, max_tokens=100, messages=SAY) as stream:
        text = "".join(stream.text_stream)
        folded = stream.get_final_message()
    assert text == whole.content[0].text
    assert (folded.stop_reason, folded.usage.output_tokens) == ("end_turn", whole.usage.output_tokens)


def test_the_models_that_a_key_may_use(gateway: GatewayProcess) -> None:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=PROJECT_KEY)
    names = {model.id for model in client.models.list()}
    assert names >= {"openai-fake/m", "anthropic-fake/m", "echo/echo"}
    assert client.models.retrieve("openai-fake/m").id == "openai-fake/m"


def test_a_call_stands_in_the_call_table(gateway: GatewayProcess) -> None:
    answer = gateway.chat("openai-fake/m")
    call_id = answer.headers["x-gateway-call-id"]
    call = eventually(lambda: _call(gateway, call_id)).json()
    assert (call["provider"], call["model"], call["project"]) == ("openai-fake", "m", "default")
    assert (call["status"], call["http_status"], call["attempts"]) == ("succeeded", 200, 1)
    assert str(call["revision"]) == answer.headers["x-gateway-revision"]
    used = answer.json()["usage"]
    assert (call["input_tokens"], call["output_tokens"]) == (used["prompt_tokens"], used["completion_tokens"])


def test_a_failed_call_stands_there_too(gateway: GatewayProcess) -> None:
    answer = gateway.chat("no-such-model")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    call = eventually(lambda: _call(gateway, answer.headers["x-gateway-call-id"])).json()
    assert (call["status"], call["http_status"], call["error_code"]) == ("failed", 404, "model_not_found")


def test_a_revoked_key_is_refused_within_a_second(gateway: GatewayProcess) -> None:
    made = gateway.rest("POST", "/projects/default/keys", json={"name": "short-lived"})
    assert made.status_code == 201, made.text
    key, key_id = made.json()["key"], made.json()["key_id"]
    eventually(lambda: gateway.chat("echo", key=key).status_code == 200, seconds=1.5)
    assert gateway.rest("DELETE", f"/projects/default/keys/{key_id}").status_code == 204
    eventually(lambda: gateway.chat("echo", key=key).status_code == 401, seconds=1)


def test_a_change_by_rest_serves_within_a_second(gateway: GatewayProcess) -> None:
    changed = gateway.rest("PUT", "/providers/openai-fake", json={"enabled": False})
    assert changed.status_code == 200, changed.text
    eventually(lambda: gateway.chat("openai-fake/m").status_code == 404, seconds=1)
    assert gateway.rest("PUT", "/providers/openai-fake", json={"enabled": True}).status_code == 200
    eventually(lambda: gateway.chat("openai-fake/m").status_code == 200, seconds=1)


def _call(gateway: GatewayProcess, call_id: str):
    answer = gateway.rest("GET", f"/calls/{call_id}")
    return answer if answer.status_code == 200 else None
