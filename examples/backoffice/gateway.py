"""The gateway as the pages use it: two clients for the whole process, and the calls that are made through them."""

from collections.abc import Iterator
from functools import cache

from django.conf import settings

from llm_gateway_client import InterventionContext, LLMConfig, LLMGatewayClient, LLMRequest, StreamChunk
from llm_gateway_client.management import ManagementClient

TIMEOUT_SECONDS = 120


@cache
def management() -> ManagementClient:
    return ManagementClient(settings.GATEWAY_URL, settings.GATEWAY_ADMIN_TOKEN)


@cache
def calls() -> LLMGatewayClient:
    return LLMGatewayClient(base_url=settings.GATEWAY_URL, api_key=settings.GATEWAY_KEY)


def answer(question: str, *, model: str, user: str) -> Iterator[str]:
    """The text as it comes. LLMGatewayError where the call fails before the first piece; a later failure is told in the
    text, as what is out cannot be taken back. Leaving the iteration ends the call."""
    chunks = calls().generate_stream_sync(
        LLMRequest(
            prompt_content=question,
            config=LLMConfig(model_identifier=model, timeout_seconds=TIMEOUT_SECONDS),
            initial_context=InterventionContext(user_id=user, tags={"feature": "ask"}),
        )
    )
    first = next(chunks).raise_for_error()
    return _texts(first.delta_text, chunks)


def _texts(first: str, chunks: Iterator[StreamChunk]) -> Iterator[str]:
    yield first
    for chunk in chunks:
        if chunk.error_details:
            yield f"\n\nThe answer was cut: {chunk.error_details.message} ({chunk.error_details.code})"
        else:
            yield chunk.delta_text
