"""From a candidate to the target of one attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from llm.policies.plan import Candidate
from llm.snapshot import RoutePolicy
from llm.spec import Target, Timeouts

_Made = tuple[RoutePolicy, tuple[Target, bool], float]  # from how many seconds on it is whole

SLACK: Final = 0.05
"""Seconds by which an attempt may pass the end of its call: so that the first attempt's target is always the same."""


def target_of(candidate: Candidate, policy: RoutePolicy, *, remaining: float) -> tuple[Target, bool]:
    """`remaining` is what is left of the call's time, in seconds. A model's defaults go before its provider's. With it:
    has the attempt all the time that its provider may take?"""
    made: _Made | None = candidate.prepared.get("target")
    if made is None or made[0] is not policy:
        target = _whole(candidate, policy)
        made = candidate.prepared["target"] = (policy, (target, True), target.timeouts.total - SLACK)
    _, whole, enough = made
    if remaining >= enough:
        return whole
    target, _ = whole
    return replace(target, timeouts=replace(target.timeouts, total=max(remaining, 0.001))), False


def _whole(candidate: Candidate, policy: RoutePolicy) -> Target:
    """With all the time that there is."""
    upstream, model, key = candidate.upstream, candidate.model, candidate.key
    return Target(
        provider_id=upstream.provider_id,
        kind=upstream.kind,
        base_url=upstream.base_url,
        model_id=candidate.model_id,
        key_id=key.key_id if key else None,
        secret=key.secret if key else None,
        headers=upstream.headers,
        extra_body=upstream.extra_body,
        parameters={**upstream.parameters, **model.parameters} if upstream.parameters else model.parameters,
        max_tokens=model.max_tokens,
        options=upstream.options,
        timeouts=_timeouts(upstream.timeouts, policy),
        connection=upstream.connection,
    )


def _timeouts(own: Timeouts, policy: RoutePolicy) -> Timeouts:
    """The route's limits where it has any, else the provider's."""
    return Timeouts(
        connect=own.connect if policy.connect_timeout_seconds is None else policy.connect_timeout_seconds,
        first_byte=own.first_byte if policy.first_token_timeout_seconds is None else policy.first_token_timeout_seconds,
        idle=own.idle if policy.idle_timeout_seconds is None else policy.idle_timeout_seconds,
        total=own.total if policy.timeout_seconds is None else policy.timeout_seconds,
    )
