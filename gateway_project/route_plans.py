"""What a call of a route would do now: the data plane's own decision, on what the control plane knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from access.snapshot_part import snapshot_part as callers_part
from audit import health_state, history
from gateway_project.known_conditions import KnownConditions
from llm.bodies import openai
from llm.errors import GatewayError, InvalidRequest
from llm.http import anthropic, responses
from llm.policies.decide import decide
from llm.policies.plan import Candidate, Plan, Role
from llm.snapshot import Caller, CallersPart, ProvidersPart, Snapshot
from llm.spec import Request
from providers.call_plan import CallPlan, Failure, PassedOver, Planned, Question

_PARSERS: Final[Mapping[str, Callable[[bytes, Mapping[str, str]], Request]]] = {
    "chat/completions": openai.parse,
    "responses": responses.parse,
    "messages": anthropic.parse,
}
_ANYBODY: Final = Caller(project="", key_id=None)
_NO_CALLERS: Final = CallersPart(by_key_hash={}, by_project={})


def planned(part: ProvidersPart, route: str, question: Question) -> CallPlan:
    """A draw falls as it most often does, so that the same question has the same answer while nothing changes.
    ValidationError names what is wrong with the question: `body.messages`, `project`."""
    request = _request(route, question)
    caller = _caller(question.project)
    moment = timezone.now()
    try:
        plan = decide(
            Snapshot(history.revision(), settings.GATEWAY_ENV, part, _NO_CALLERS),
            caller,
            request,
            now=moment.timestamp(),
            random=_likely,
            conditions=KnownConditions(health_state.current(now=moment), moment=moment),
            session=question.session,
        )
    except GatewayError as error:
        known = part.routes.get(route)
        return CallPlan(strategy=known.strategy if known else "", error=_failure(error))
    return _told(plan)


def _likely() -> float:
    """Just short of the middle: of two equals the first, of a majority its holder."""
    return 0.4999


def _request(route: str, question: Question) -> Request:
    """The body's own model is not asked for: the route is."""
    if question.body is None:
        return Request(dialect="openai_chat", model=route, fields={})
    try:
        body = json.dumps(question.body).encode()
    except (RecursionError, ValueError):
        raise ValidationError({"body": ["It is nested too deeply."]}) from None
    try:
        return msgspec.structs.replace(_PARSERS[question.endpoint](body, {}), model=route)
    except InvalidRequest as error:
        raise ValidationError({f"body.{error.param}" if error.param else "body": [error.message]}) from error


def _caller(project: str) -> Caller:
    if not project:
        return _ANYBODY
    caller = callers_part(environment=settings.GATEWAY_ENV).by_project.get(project)
    if caller is None:
        raise ValidationError({"project": ["There is no such project, or it is disabled here."]})
    return caller


def _told(plan: Plan) -> CallPlan:
    return CallPlan(
        strategy=plan.strategy,
        candidates=[
            *(_planned(one, "target", plan) for one in plan.candidates),
            *(_planned(one, "fallback", plan) for one in plan.fallbacks),
        ],
        skipped=[PassedOver(one.model, one.key, one.role, one.reason, _moment(one.until)) for one in plan.skipped],
        error=_failure(plan.error) if plan.error is not None else None,
        budget_seconds=plan.budget,
    )


def _planned(candidate: Candidate, role: Role, plan: Plan) -> Planned:
    key = candidate.key.key_id if candidate.key is not None else ""
    return Planned(candidate.name, key, role, _moment(plan.cooling.get(id(candidate), 0.0)))


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _failure(error: GatewayError) -> Failure:
    return Failure(error.code, error.status, error.message)
