"""What is told while a batch runs, and the order in which answers go out."""

from __future__ import annotations

import io

from gateway_project.calling.progress import Progress
from gateway_project.calling.requests import Line
from gateway_project.calling.results import InOrder
from llm_gateway_client import ErrorDetails, LLMConfig, LLMRequest, LLMResponse, Usage

REQUEST = LLMRequest("x", LLMConfig("m"))
LINES = [Line(number, f"d{number}", REQUEST) for number in (1, 2, 4)]


def answer(*, tokens: int = 10, cost_usd: float | None = 0.25) -> LLMResponse:
    return LLMResponse("r", usage=Usage(total_tokens=tokens, cost_usd=cost_usd))


def failed() -> LLMResponse:
    return LLMResponse("r", error_details=ErrorDetails("upstream_error", "x"))


def test_it_counts_and_tells_now_and_then() -> None:
    screen, now = io.StringIO(), [0.0]
    progress = Progress(screen, 5, 1, clock=lambda: now[0])
    for response, at in ((answer(), 0.0), (failed(), 5.0), (answer(tokens=1000), 10.0)):
        now[0] = at
        progress.add(response)
    assert screen.getvalue().splitlines() == [
        "2 of 5 done (1 earlier), 0 failed, 10 tokens, $0.2500",
        "4 of 5 done (1 earlier), 1 failed, 1,010 tokens, $0.5000",
    ]


def test_models_without_a_price_are_told() -> None:
    progress = Progress(io.StringIO(), 3)
    progress.add(failed())
    assert progress.line().endswith("1 failed, 0 tokens, $0.0000")
    progress.add(answer(cost_usd=None))
    assert progress.line().endswith("10 tokens, no price known")
    progress.add(answer())
    assert progress.line().endswith("20 tokens, $0.2500 and more")


def test_an_answer_waits_for_those_before_it() -> None:
    screen = io.StringIO()
    results = InOrder(screen, LINES)

    def numbers() -> list[str]:
        return [line[:10] for line in screen.getvalue().splitlines()]

    results.add(LINES[1], answer())
    assert numbers() == []
    results.add(LINES[0], answer())
    assert numbers() == ['{"line": 1', '{"line": 2']
    results.add(LINES[2], answer())
    assert numbers() == ['{"line": 1', '{"line": 2', '{"line": 4']


def test_what_waits_when_a_batch_ends_early_is_kept() -> None:
    screen = io.StringIO()
    results = InOrder(screen, LINES)
    results.add(LINES[2], answer())
    results.add(LINES[1], answer())
    results.close()
    assert [line[:10] for line in screen.getvalue().splitlines()] == ['{"line": 2', '{"line": 4']
