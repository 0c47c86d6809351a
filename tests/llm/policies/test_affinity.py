"""Sessions that stay where they are, and what a conversation is known by."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.policies import affinity
from llm.policies.plan import Bar
from llm.snapshot import Strategy, UpstreamKey
from llm.spec import Dialect, Request
from tests.llm.policies.known import Known, order, planned, routed
from tests.llm.service.snapshots import upstream

SESSIONS = [f"session-{number}" for number in range(3000)]
ALL: tuple[Strategy, ...] = ("priority", "weighted", "round_robin", "least_latency", "lowest_cost", "least_busy")


def ranked(session: str, weights: dict[str, int]) -> list[str]:
    return affinity.in_order_of(session, list(weights), str, lambda name: weights[name])


def request(dialect: Dialect, **body: Any) -> Request:
    return Request(dialect, "m", msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw]))


def key(dialect: Dialect, **body: Any) -> str | None:
    return affinity.key_of(request(dialect, **body), "", "conversation")


def says(role: str, text: object) -> dict[str, object]:
    return {"role": role, "content": text}


@given(
    session=st.text(max_size=12),
    weights=st.dictionaries(st.text("abcdef/-", min_size=1), st.integers(0, 20), min_size=1, max_size=7),
    data=st.data(),
)
def test_what_goes_away_moves_its_own_sessions_only(session: str, weights: dict[str, int], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(weights)))
    left = {name: weight for name, weight in weights.items() if name != gone}
    before = ranked(session, weights)
    assert sorted(before) == sorted(weights)
    assert ranked(session, left) == [name for name in before if name != gone]
    assert [name for name in before if not weights[name]] == before[len(before) - list(weights.values()).count(0) :]


def test_sessions_are_shared_out_by_weight() -> None:
    weights = {"a/m": 1, "b/m": 2, "c/m": 5, "d/m": 0}
    found = Counter(ranked(session, weights)[0] for session in SESSIONS)
    off = sum(
        (found[name] - 3000 * weight / 8) ** 2 / (3000 * weight / 8) for name, weight in weights.items() if weight
    )
    assert off < 13.82  # chi-square of 2 degrees of freedom, exceeded once in a thousand
    assert set(found) == {"a/m", "b/m", "c/m"}


def test_a_greater_weight_draws_sessions_and_moves_no_others() -> None:
    for session in SESSIONS[:500]:
        before, after = (ranked(session, {"a": 1, "b": weight, "c": 2})[0] for weight in (1, 4))
        assert after in (before, "b")


@pytest.mark.parametrize("strategy", ALL)
def test_a_session_stays_with_its_target_whatever_changes_from_call_to_call(strategy: Strategy) -> None:
    config = routed(strategy, dict.fromkeys("abcd", (1, 1)), fallbacks="yx")
    used = set()
    for session in SESSIONS[:40]:
        moments = [
            Known(speeds={one: 0.1}, loads=dict.fromkeys(other, 9), turns={"r": turn})
            for turn, (one, other) in enumerate(["ab", "bc", "cd", "da"])
        ]
        found = {
            order(planned(config, known, random=turn / 4, session_key=session)) for turn, known in enumerate(moments)
        }
        assert len(found) == 1
        used |= {one[0] for one in found}
        assert all(one.endswith("|yx") for one in found)
    assert used == set("abcd")


@pytest.mark.parametrize("strategy", ALL)
def test_a_session_moves_while_its_target_is_down_and_comes_back(strategy: Strategy) -> None:
    config = routed(strategy, dict.fromkeys("abcd", (1, 1)))
    for session in SESSIONS[:20]:
        usual = order(planned(config, session_key=session))
        for waits in (False, True):
            down = Known(bars={usual[0]: Bar("breaker open", 99, waits=waits)})
            assert order(planned(config, down, session_key=session)) == usual[1:] + usual[0] * waits
        elsewhere = Known(bars={usual[2]: Bar("breaker open", 99)})
        assert order(planned(config, elsewhere, session_key=session)) == usual.replace(usual[2], "")


def test_priority_and_price_come_before_affinity() -> None:
    targets = {"a": (2, 1), "b": (1, 1), "c": (1, 1), "d": (2, 0)}
    prices = {"a": (9, 9), "b": (2, 2), "c": (1, 1), "d": (1, 1)}
    found = {
        strategy: {order(planned(routed(strategy, targets, prices=prices), session_key=one)) for one in SESSIONS[:50]}
        for strategy in ALL
    }
    assert found.pop("lowest_cost") == {"cbad"}
    assert {one[0] for one in found.pop("weighted")} == set("abc")
    assert set(map(frozenset, found.values())) == {frozenset({"bcad", "cbad"})}


def test_a_session_keeps_its_key_of_a_pool() -> None:
    pool = [UpstreamKey(name, "s", weight) for name, weight in {"x": 1, "y": 3, "z": 0}.items()]
    config = routed("priority", {"a": (1, 1)}, upstreams={"a": upstream("a", "openai", keys=tuple(pool))})
    first: Counter[str] = Counter()
    for session in SESSIONS[:400]:
        keys = {
            tuple(
                one.key.key_id
                for one in planned(config, random=draw, session_key=session).candidates
                if one.key is not None
            )
            for draw in (0.0, 0.5, 0.99)
        }
        assert len(keys) == 1
        first[keys.pop()[0]] += 1
    assert 70 < first["x"] < 130 and first["x"] + first["y"] == 400


def test_the_header_comes_before_the_conversation() -> None:
    asked = request("openai_chat", messages=[says("user", "Hello.")])
    assert affinity.key_of(asked, "mine", "session") == affinity.key_of(asked, "mine", "conversation") == "mine"
    assert affinity.key_of(asked, "", "session") is None
    assert affinity.key_of(asked, "mine", "none") is None
    assert affinity.key_of(asked, "", "conversation")


FIRST: dict[Dialect, dict[str, Any]] = {
    "openai_chat": {"messages": [says("system", "Be kind."), says("user", "Hello.")]},
    "openai_responses": {"instructions": "Be kind.", "input": "Hello."},
    "anthropic_messages": {"system": "Be kind.", "messages": [says("user", "Hello.")]},
    "gemini": {"systemInstruction": {"parts": [{"text": "Be kind."}]}, "contents": [{"parts": [{"text": "Hello."}]}]},
}
MARK = {"cache_control": {"type": "ephemeral"}}
# The same conversation later on: longer, put in another way, with a mark of a cache.
LATER: dict[Dialect, dict[str, Any]] = {
    "openai_chat": {
        "messages": [
            says("system", [{"type": "text", "text": "Be kind."}]),
            says("user", "Hello."),
            says("assistant", "Hi."),
            says("user", "x" * 100_000),
        ],
        "temperature": 0,
    },
    "openai_responses": {
        "instructions": "Be kind.",
        "input": [says("user", [{"type": "input_text", "text": "Hello."}]), says("assistant", "Hi.")],
    },
    "anthropic_messages": {
        "system": [{"type": "text", "text": "Be kind.", **MARK}],
        "messages": [says("user", [{"type": "text", "text": "Hello.", **MARK}]), says("assistant", "Hi.")],
    },
    "gemini": {
        "system_instruction": {"parts": [{"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello."}]},
            {"role": "model", "parts": [{"text": "Hi."}]},
        ],
    },
}


@pytest.mark.parametrize("dialect", FIRST)
def test_a_conversation_is_known_by_its_instructions_and_its_first_message(dialect: Dialect) -> None:
    same = key(dialect, **FIRST[dialect])
    assert same and same == key(dialect, **LATER[dialect])
    words = msgspec.json.encode(FIRST[dialect])
    for old, new in ((b"Be kind.", b"Be curt."), (b"Hello.", b"Hallo.")):
        assert key(dialect, **msgspec.json.decode(words.replace(old, new))) not in (None, same)


def test_what_stands_before_the_first_message_of_the_user_counts() -> None:
    turns = [says("developer", "Be kind."), says("assistant", "What is it?"), says("user", "Hello.")]
    assert key("openai_chat", messages=turns) != key("openai_chat", messages=[turns[0], turns[2]])
    assert key("openai_chat", messages=turns) == key("openai_chat", messages=[*turns, says("user", "Bye.")])


def test_a_first_message_without_words_is_known_by_what_it_is() -> None:
    def image(url: str, **more: object) -> str | None:
        part = {"type": "image_url", "image_url": {"url": url}, **more}
        return key("openai_chat", messages=[says("user", [part])])

    assert image("data:1") == image("data:1", **MARK) != image("data:2")


@pytest.mark.parametrize("length", [10, 32_700, 32_768, 200_000])
def test_a_first_message_of_any_length_is_read(length: int) -> None:
    text = "é" * length
    keys = {key("openai_chat", messages=[says("user", text), *more]) for more in ([], [says("assistant", text)])}
    assert len(keys) == 1 and None not in keys
    assert keys != {key("openai_chat", messages=[says("user", f"{text}.")])}


@pytest.mark.parametrize(
    "messages",
    [
        b"[",
        b"[]",
        b"{}x",
        b"nonsense",
        b'[{"role":"user","content":"\xff"}]',
        b'[{"role":',
        b"[" * 100_000,
        b'""',
        b"null",
    ],
)
def test_what_cannot_be_read_has_no_session(messages: bytes) -> None:
    asked = Request("openai_chat", "m", {"messages": msgspec.Raw(messages)})
    assert affinity.key_of(asked, "", "conversation") is None


def test_what_is_no_conversation_has_no_session() -> None:
    assert affinity.key_of(request("openai_chat", input="Hello."), "", "conversation") is None
    assert affinity.key_of(request("openai_completions", prompt="Hello."), "", "conversation") is None


def test_a_lone_surrogate_is_a_text_too() -> None:
    asked = Request("openai_chat", "m", {"messages": msgspec.Raw(b'[{"role":"user","content":"\\ud800"}]')})
    assert affinity.key_of(asked, "", "conversation")


@given(st.binary(max_size=60))
def test_no_bytes_are_refused(messages: bytes) -> None:
    asked = Request("openai_chat", "m", {"messages": msgspec.Raw(messages)})
    found = affinity.key_of(asked, "", "conversation")
    assert found is None or len(found) == 32


def test_a_long_conversation_costs_no_more_than_its_beginning() -> None:
    messages = [says("user", "Hello."), *(says("assistant", "word " * 200) for _ in range(4000))]
    asked = request("openai_chat", messages=messages)
    assert len(bytes(asked.fields["messages"])) > 4_000_000
    began = time.process_time()
    for _ in range(20):
        affinity.key_of(asked, "", "conversation")
    assert time.process_time() - began < 0.1  # reading it whole would take ten times as long
