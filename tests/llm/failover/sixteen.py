"""The sixteen faults of the public failoverbench list (github.com/failoverbench/failoverbench, methodology 0.1), in our
words. Seconds are the list's own; where it names none, ours."""

from __future__ import annotations

from tests.llm.failover.acts import (
    answers,
    at_first,
    breaks_off,
    garbles,
    is_down,
    sends_late,
    stalls,
    throughout,
    wants_the_whole_question,
)
from tests.llm.failover.answer import WHOLE, WORDS
from tests.llm.failover.prices import SPARE_COST
from tests.llm.failover.scenario import Check, Scenario, Seen
from tests.support import upstream_faults as faults

OUTAGE = 60.0
LONGEST_RECOVERY = 30.0


def asked(least: int, most: int) -> Check:
    words = f"the primary is asked {least} times" if least == most else f"the primary is asked {least} to {most} times"
    return Check(words.replace("1 times", "once"), lambda seen: least <= len(seen.primary) <= most)


def within(seconds: float) -> Check:
    return Check(f"all is over within {seconds:g} s", lambda seen: seen.within(seconds))


def not_before(seconds: float) -> Check:
    def holds(seen: Seen) -> bool:
        return len(seen.primary) < 2 or seen.primary[1] - seen.primary[0] >= seconds

    return Check(f"the primary is not asked again before {seconds:g} s are over", holds)


def calls_within(seconds: float, most: int) -> Check:
    def holds(seen: Seen) -> bool:
        return sum(at - seen.primary[0] < seconds for at in seen.primary) <= most

    return Check(f"at most {most} calls in the first {seconds:g} s", holds)


def ended_by(*outcomes: str) -> Check:
    return Check(
        f"the primary's attempts are traced as {', '.join(outcomes)}",
        lambda seen: {one.outcome for one in seen.attempts if one.model.startswith("primary/")} <= set(outcomes),
    )


SPARE_NOT_ASKED = Check("no fallback is asked", lambda seen: not seen.spare)
SPARE_ASKED_ONCE = Check("the fallback is asked once", lambda seen: len(seen.spare) == 1)
USAGE_TOLD = Check(
    "the usage is told",
    lambda seen: seen.heard[-1].output_tokens == len(WORDS) == seen.records[-1].output_tokens,
)
NOT_MASKED = Check("no fallback's refusal stands for what went wrong", lambda seen: seen.refused_prefills == 0)


def _served_by_the_fallback(seen: Seen) -> bool:
    record = seen.records[-1]
    return (record.provider, record.model) == ("spare", "two") and seen.heard[-1].model == "two"


def _failures_cost_nothing(seen: Seen) -> bool:
    if not seen.attempts:
        return False
    *failed, last = seen.attempts
    return all(not step.output_tokens and not step.cost_nano_usd for step in failed) and (
        last.output_tokens == len(WORDS) and last.cost_nano_usd == SPARE_COST == seen.records[-1].cost_nano_usd
    )


def _few_calls_in_the_outage(seen: Seen) -> bool:
    return sum(at < OUTAGE for at in seen.primary) <= 12


def _recovery_is_found(seen: Seen) -> bool:
    back = [at for at in seen.primary if at >= OUTAGE]
    return bool(back) and back[0] <= OUTAGE + LONGEST_RECOVERY and seen.records[-1].provider == "primary"


SIXTEEN: tuple[Scenario, ...] = (
    Scenario(
        1, "429 with Retry-After", "the first attempt gets 429 and `Retry-After: 2`, the next an answer",
        at_first(faults.rate_limited(2)), answers,
        (calls_within(1.5, 2), not_before(2.0)), (asked(2, 2),), bound=20,
    ),
    Scenario(
        2, "429 that stays", "every attempt gets 429, without Retry-After",
        throughout(faults.rate_limited(None)), answers, (asked(1, 3), ended_by("rate_limited")), bound=40,
    ),
    Scenario(
        3, "500 once", "the first attempt gets 500, the next an answer",
        at_first(faults.server_error()), answers, (), (asked(2, 2), SPARE_NOT_ASKED), bound=20,
    ),
    Scenario(
        4, "503 that stays", "every attempt gets 503",
        throughout(faults.server_error(503)), answers,
        (asked(1, 3), SPARE_ASKED_ONCE, ended_by("failed")), bound=40,
    ),
    Scenario(
        5, "TCP reset before the answer", "the first connection is reset before a byte of an answer, the next gets one",
        at_first(faults.reset()), answers, (asked(1, 3),), bound=20,
    ),
    Scenario(
        6, "No response at all", "the request is taken, and nothing comes for 120 s",
        throughout(faults.silence(120)), answers,
        (within(100), ended_by("timeout")), (asked(1, 1),), bound=130,
    ),
    Scenario(
        7, "Slow first token", "the head comes at once, the first token after 20 s",
        throughout(sends_late(20)), answers, (), (within(15), asked(1, 1), SPARE_ASKED_ONCE), bound=60,
    ),
    Scenario(
        8, "Stream cut in the middle", "the stream ends after 40 of 60 tokens, without its end",
        throughout(breaks_off(40)), answers, (asked(1, 3),), bound=40,
    ),
    Scenario(
        9, "Stream that stalls", "after 20 tokens the stream says nothing more, and stays open",
        throughout(stalls(20)), answers, (within(45), asked(1, 1)), bound=70,
    ),
    Scenario(
        10, "Malformed chunk", "the eleventh event is no JSON; the stream lacks nothing and goes on to its end",
        throughout(garbles(10)), answers, (asked(1, 3),), bound=30,
    ),
    Scenario(
        11, "No `[DONE]`", "a whole stream, and its usage, without the mark of its end",
        throughout(faults.no_done(value=WHOLE)), answers, (within(8), asked(1, 1)), (USAGE_TOLD,),
        bound=30, whole=False,
    ),
    Scenario(
        12, "Context length exceeded", "400 `context_length_exceeded`; the fallback has a larger window",
        throughout(faults.context_length_exceeded()), answers, (asked(1, 1), SPARE_ASKED_ONCE), bound=20,
    ),
    Scenario(
        13, "Content policy", "400 `content_policy_violation`",
        throughout(faults.content_policy()), answers, (asked(1, 1), SPARE_NOT_ASKED), ideal="refusal", bound=20,
    ),
    Scenario(
        14, "Fallback that refuses a prefill",
        "the stream ends after 40 tokens; the fallback takes no beginning of an answer",
        throughout(breaks_off(40)), wants_the_whole_question, (asked(1, 3), NOT_MASKED), bound=40,
    ),
    Scenario(
        15, "Primary that flaps", f"503 for {OUTAGE:g} s, then healthy; twenty calls, one every 4 s",
        is_down(OUTAGE), answers,
        (
            Check("every call is served", lambda seen: all(heard.whole for heard in seen.heard)),
            Check("the dead primary is asked at most 12 times", _few_calls_in_the_outage),
            Check(f"its recovery is found within {LONGEST_RECOVERY:g} s", _recovery_is_found),
        ),
        calls=20, every=4.0, bound=30,
    ),
    Scenario(
        16, "Accounting", "every attempt gets 503; the fallback answers",
        throughout(faults.server_error(503)), answers,
        (
            asked(1, 3),
            Check("the caller and the record name the fallback", _served_by_the_fallback),
            Check("the failed attempts are traced and cost nothing, the last one its price", _failures_cost_nothing),
        ),
        (USAGE_TOLD,), bound=40,
    ),
)  # fmt: skip
SAFE_WITHOUT_GUARD = frozenset({8, 9, 14})
"""Once a byte has left, no other answer can follow it: an error within the answer is the best that there is."""
