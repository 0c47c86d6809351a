"""What lies beside the sixteen: without a fallback, behind the guard's part, with one fallback that is of no use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.llm.failover.acts import answers, breaks_off, stalls, throughout
from tests.llm.failover.answer import ANSWER, WHOLE
from tests.llm.failover.heard import Heard
from tests.llm.failover.pace import QUICK
from tests.llm.failover.scenario import Act, Seen, judge
from tests.llm.failover.sixteen import SIXTEEN
from tests.llm.failover.stage import Setting, Stage, play
from tests.support import upstream_faults as faults
from tests.support.upstream_behaviours import Behaviour

CLIENT = "openai client"
CALLERS = ["chat", CLIENT]


async def once(setting: Setting, primary: Act, spare: Act | None, **options: Any) -> tuple[Heard, Seen]:
    """One call, and no request to a provider that no record knows."""
    async with Stage(setting, QUICK, primary, spare, **options) as stage:
        heard = await stage.ask()
        seen = await stage.finish()
    assert not heard.strange and not heard.hung
    assert len(seen.attempts) == len(seen.primary) + len(seen.spare)
    return heard, seen


@pytest.mark.parametrize("caller", [*CALLERS, "messages"])
async def test_behind_the_held_part_an_end_is_told(caller: str) -> None:
    async def plays(fault: Behaviour) -> None:
        heard, seen = await once(Setting("lean", "200 characters", caller), throughout(fault), answers)
        assert heard.told and len(seen.primary) == 1 and not seen.spare and seen.alive
        assert ANSWER.startswith(heard.text) and 200 <= len(heard.text) < len(ANSWER)

    await asyncio.gather(*map(plays, [breaks_off(50), breaks_off(50, how="end"), stalls(50)]))


ALONE = [  # fault, status, how often the provider is asked at most, whether the next call is served
    (faults.rate_limited(None), 429, 3, True),
    (faults.rate_limited(3600), 429, 1, False),
    (faults.server_error(503), 502, 3, True),
    (faults.reset(), 502, 3, True),
    (faults.silence(120), 504, 1, True),
    (faults.refuse(401, "Incorrect API key provided."), 502, 1, False),
]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("stream", [True, False])
async def test_without_a_fallback_the_error_is_told(caller: str, stream: bool) -> None:
    """A client that repeats by itself is told not to: the provider is not asked more often for it. Only what is known
    to last keeps the next call from it."""

    async def plays(fault: Behaviour, status: int, most: int, alive: bool) -> None:
        heard, seen = await once(Setting("lean", caller=caller, stream=stream), throughout(fault), None)
        assert heard.told and heard.status == status
        assert len(seen.primary) <= most and len(seen.records) == 1 and seen.alive is alive

    await asyncio.gather(*(plays(*one) for one in ALONE))


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_fallback_with_no_larger_window_is_of_no_use(caller: str) -> None:
    fault = throughout(faults.context_length_exceeded())
    heard, seen = await once(Setting("lean", caller=caller), fault, answers, window=8192)
    assert (heard.told, heard.status, heard.error) == (True, 400, "context_length_exceeded")
    assert (len(seen.primary), len(seen.spare)) == (1, 0)


@pytest.mark.parametrize("caller", [*CALLERS, "messages"])
async def test_a_route_may_go_round_a_refusal(caller: str) -> None:
    refused, policy = throughout(faults.content_policy()), {"content_filter_fallback": True}
    heard, seen = await once(Setting("lean", caller=caller), refused, answers, policy=policy)
    assert heard.whole and (len(seen.primary), len(seen.spare)) == (1, 1)


@pytest.mark.parametrize("caller", ["chat", "messages"])
async def test_an_open_stream_without_its_mark_ends_soon(caller: str) -> None:
    endless = throughout(faults.no_done(stalls=True, value=WHOLE))
    heard, _ = await once(Setting("lean", caller=caller), endless, answers)
    assert heard.whole and heard.seconds <= 8 + QUICK.slack
    assert heard.output_tokens == WHOLE.tokens.output


async def test_by_default_a_first_token_may_take_half_a_minute() -> None:
    """The one fault for which the list's route says something of its own."""
    late = SIXTEEN[6]
    seen = await play(late, Setting("lean"), QUICK, policy={"first_token_timeout_seconds": None})
    assert judge(late, seen).word == "partial"
    assert seen.heard[0].whole and not seen.spare


async def test_all_that_fails_is_told_by_its_cause() -> None:
    """The primary is down, and the fallback as well: the trace knows of both."""
    down = throughout(faults.server_error(503))
    heard, seen = await once(Setting("lean"), down, throughout(faults.rate_limited(None)))
    assert heard.told and heard.status in (429, 502)
    tried = [(step.model, step.role, step.outcome) for step in seen.attempts]
    assert tried == [("primary/one", "target", "failed")] * 3 + [("spare/two", "fallback", "rate_limited")]
    assert [step.at_ms for step in seen.attempts] == sorted(step.at_ms for step in seen.attempts)
    assert len([step for step in seen.records[0].trace if step.event == "wait"]) == 2
