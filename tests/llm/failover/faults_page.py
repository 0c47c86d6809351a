"""The page docs/faults.md, made of the list that the suite plays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.llm.failover.lists import expected, scenarios
from tests.llm.failover.scenario import ALWAYS, Scenario
from tests.llm.failover.sixteen import SIXTEEN
from tests.llm.failover.stage import FIRST_TOKEN, GUARDS, Setting

HEAD: Final = f"""# What becomes of a call when a provider fails

The sixteen faults of a public list ([failoverbench](https://github.com/failoverbench/failoverbench)), as the suite
plays them: over sockets through the whole gateway, over both transports, for callers of OpenAI's and Anthropic's
dialect and for a stock `openai` client, which repeats by itself what fails. `script/test tests/llm/failover` takes
them in a twenty-fifth of their time, `script/test --slow tests/llm/failover` in the list's own (three minutes). This
page is made of the list (`tests/llm/failover`), and the suite holds the verdicts to it.

The route has one target and one fallback of another provider and dialect. Everything is a default but
`first_token_timeout_seconds`: {FIRST_TOKEN:g}, for fault 7: by default a first token may take 30 s, and the caller has
the primary's answer after 20 s (*partial*, below).

- *passed*: the caller has the whole answer (in fault 13, where the fault is the caller's own: the refusal), and all
  that must hold holds.
- *safe*: no answer, but a clear error in time, and all that must hold holds. Once a byte of a stream has left, no other
  answer can follow it: the error is told within the stream, which then has no `finish_reason`, no `[DONE]`, no
  `message_stop`.
- *partial* (answered, but not as it should be) and *failed* (a hang, a piece told as if it were the answer, a provider
  that is hammered, a call that is not accounted for) occur nowhere here.

A route's `stream_guard` holds back what a stream says first: one that dies within that part falls back unseen. In
faults 8, 9 and 14 the stream dies within its first 200 characters; behind them it is *safe* as without it.

What comes behind a chunk that is no JSON (fault 10) is held back to the end. Where the provider counts no more tokens
than there were chunks that said something, the bad one held none: the answer is whole, and is given. Else something may
be missing, and the call is *safe*: the error is told, and nothing of what was held back.

"""
MUST: Final = """
## What must hold

In every one:

"""


def page() -> str:
    streamed = [Setting(guard=guard) for guard in GUARDS]
    settings = [*streamed, Setting(stream=False)]
    head = ["", "fault", *(f"stream, {guard}" for guard in GUARDS), "whole answer"]
    rows = [[str(one.number), f"{one.name}: {one.fault}", *(_word(one, it) for it in settings)] for one in SIXTEEN]
    always = "".join(f"- {check.words}\n" for check in ALWAYS)
    return HEAD + _table(head, rows) + MUST + always + "\nAnd in each:\n\n" + "".join(map(_must, SIXTEEN))


def _word(scenario: Scenario, setting: Setting) -> str:
    return expected(scenario, setting) if scenario in scenarios(setting) else "-"


def _must(scenario: Scenario) -> str:
    words = "; ".join(check.words for check in (*scenario.required, *scenario.advised))
    return f"- **{scenario.number}. {scenario.name}**: {words}\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    print(page(), end="")
