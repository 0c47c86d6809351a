"""What a request asks of a model, against what the operator says that the model can do.

A model whose `capabilities` are empty, or hold no word of `llm.capabilities.WORDS`, is not judged: it gets everything,
and its provider decides. One that declares any of them can do what it declares, and nothing else of the table RULES,
which is also the source of the page docs/capabilities.md.

Pure. A body is looked into only as far as a model's declaration makes it needful.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from llm.capabilities import Capability, missing
from llm.dialects import attachments
from llm.dialects.attachments import Attachment
from llm.dialects.fields import BAD_JSON
from llm.errors import InvalidRequest, Unsupported
from llm.policies.plan import Candidate, Plan, narrowed
from llm.snapshot import Model
from llm.spec import Dialect, Request


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a request that needs `capability` at a model that lacks it.

    `refused`: the model is passed over; where none is left, 400 with the field as `param`. `dropped`: the field is
    left out for this model, and named in `x-gateway-dropped`. `fields` are the caller's fields that ask for it, a
    point leads into an object; `what` names the feature to people.
    """

    capability: Capability
    how: Literal["refused", "dropped"]
    what: str
    fields: Mapping[Dialect, tuple[str, ...]]


_CONVERSATION: Final = {dialect: (field,) for dialect, field in attachments.FIELD.items()}
_ATTACHMENTS: Final[Mapping[Capability, Attachment]] = {"vision": "image", "audio": "audio", "documents": "document"}

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "tools",
        "refused",
        "tools",
        {
            "openai_chat": ("tools", "functions"),
            "openai_responses": ("tools",),
            "anthropic_messages": ("tools",),
            "gemini": ("tools",),
        },
    ),
    Rule("vision", "refused", "images", _CONVERSATION),
    Rule("audio", "refused", "audio", _CONVERSATION),
    Rule("documents", "refused", "documents", _CONVERSATION),
    Rule(
        "json",
        "refused",
        "answers in JSON",
        {
            "openai_chat": ("response_format",),
            "openai_responses": ("text.format",),
            "anthropic_messages": ("output_config.format", "output_format"),
            "gemini": (
                "generationConfig.responseMimeType",
                "generationConfig.responseSchema",
                "generationConfig.responseJsonSchema",
            ),
        },
    ),
    Rule(
        "reasoning",
        "dropped",
        "reasoning",
        {
            "openai_chat": ("reasoning_effort",),
            "openai_responses": ("reasoning",),
            "anthropic_messages": ("thinking",),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Need:
    """One capability that a request needs; `field` is where the caller asks for it, `what` names it to people."""

    capability: Capability
    what: str
    field: str

    @property
    def reason(self) -> str:
        """Why a candidate without it is passed over."""
        return f"capability missing: {self.capability}"


def needs(request: Request, among: Collection[Capability]) -> tuple[Need, ...]:
    """What of `among` the request cannot do without. InvalidRequest where a field that has to be read is no JSON."""
    attached = attachments.held(request, {_ATTACHMENTS[one] for one in among if one in _ATTACHMENTS})
    found = []
    for rule in RULES:
        if rule.how == "refused" and rule.capability in among:
            field = _asking_field(rule, request, attached)
            if field:
                found.append(Need(rule.capability, rule.what, field))
    return tuple(found)


def lack(model: Model, needed: Collection[Need]) -> Need | None:
    """The first of `needed` that the model cannot do; None where it can do them all."""
    if not model.capabilities:
        return None
    lacking = missing(model.capabilities)
    return next((need for need in needed if need.capability in lacking), None)


def kept(plan: Plan, request: Request) -> Plan:
    """Only the candidates that can do what the request asks for. Where none can, the plan's error is InvalidRequest,
    with the caller's field. A surface is the provider's own business."""
    declared = [one.model.capabilities for one in (*plan.candidates, *plan.fallbacks) if one.model.capabilities]
    if not declared or request.surface:
        return plan
    needed = needs(request, frozenset[Capability]().union(*map(missing, declared)))
    if not needed:
        return plan

    def judge(candidate: Candidate) -> str:
        lacking = lack(candidate.model, needed)
        return lacking.reason if lacking else ""

    left = narrowed(plan, judge)
    if not left.candidates and not left.fallbacks:
        return replace(left, error=_refusal(plan, request, needed))
    return left


def without(request: Request, model: Model, *, strict: bool = False) -> tuple[Request, tuple[str, ...]]:
    """The request as this model gets it, and the fields that were left out since it has no use for them. With
    `strict` nothing that asks for anything may be left out: raises Unsupported."""
    if not model.capabilities or request.surface:
        return request, ()
    lacking = missing(model.capabilities)
    names = tuple(
        name
        for rule in RULES
        if rule.how == "dropped" and rule.capability in lacking
        for name in rule.fields.get(request.dialect, ())
        if name in request.fields
    )
    if not names:
        return request, ()
    left = {name: raw for name, raw in request.fields.items() if name not in names}
    dropped = tuple(name for name in names if bytes(request.fields[name]) != b"null")
    if strict and dropped:
        message = f"The model has no use for the field '{dropped[0]}', and this route does not leave fields out."
        raise Unsupported(message, param=dropped[0])
    return msgspec.structs.replace(request, fields=left), dropped


def _refusal(plan: Plan, request: Request, needed: tuple[Need, ...]) -> InvalidRequest:
    """Names the first model's lack: the one that the call would have gone to."""
    first = (*plan.candidates, *plan.fallbacks)[0]
    need = lack(first.model, needed)
    assert need is not None
    name = request.model or plan.route or f"{first.upstream.provider_id}/{first.model_id}"
    shown = name if len(name) <= 200 else f"{name[:200]}..."
    return InvalidRequest(
        f"The model '{shown}' does not support {need.what}: '{need.capability}' is not among its capabilities.",
        param=need.field,
    )


def _asking_field(rule: Rule, request: Request, attached: Collection[Attachment]) -> str | None:
    fields = rule.fields.get(request.dialect, ())
    attachment = _ATTACHMENTS.get(rule.capability)
    if attachment:
        return fields[0] if attachment in attached else None
    return next((field for field in fields if _asks(request, field)), None)


def _asks(request: Request, field: str) -> bool:
    """Does the field ask for anything? A list must not be empty, and a form of the answer be another than text."""
    name, _, inner = field.partition(".")
    raw = request.fields.get(name)
    if raw is None:
        return False
    try:
        value = msgspec.json.decode(raw)
    except BAD_JSON as error:
        raise InvalidRequest(f"The field '{name}' is not valid JSON.", param=name) from error
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return value.get("type") != "text"
    return bool(value) and value != "text/plain"
