"""Models whose context window is too small for a conversation are passed over, where another one is left.

Nobody counts tokens here: that needs each provider's own tokenizer. A conversation has hardly fewer tokens than its
bytes in JSON divided by BYTES_A_TOKEN; what is attached to it does not count by its bytes, so then nothing is said.
Where every model seems too small they all stay: the provider knows.

Pure.
"""

from __future__ import annotations

from typing import Final

from llm.dialects import attachments
from llm.policies.plan import Candidate, Plan, narrowed
from llm.spec import Request

BYTES_A_TOKEN: Final = 6
REASON: Final = "window too small"
_ASKED: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_ATTACHED: Final = ("image", "audio", "document")
_LONGEST_NUMBER: Final = 20  # digits: more than any window has, and Python reads no number of thousands


def kept(plan: Plan, request: Request) -> Plan:
    """Without the candidates whose window is known to be too small. InvalidRequest where the conversation, which is
    looked into for what is attached, is no JSON."""
    if len(plan.candidates) + len(plan.fallbacks) < 2:
        return plan
    windows = [one.model.context_window for one in (*plan.candidates, *plan.fallbacks)]
    known = [window for window in windows if window is not None]
    if not known:
        return plan
    needed = _least(request)
    if needed <= min(known) or attachments.held(request, _ATTACHED):
        return plan

    def judge(candidate: Candidate) -> str:
        window = candidate.model.context_window
        return REASON if window is not None and window < needed else ""

    left = narrowed(plan, judge)
    return left if left.candidates or left.fallbacks else plan


def _least(request: Request) -> int:
    """Tokens that the call takes at the least: of the conversation, and of the answer that it asks for."""
    raw = request.fields.get(attachments.FIELD.get(request.dialect, ""))
    return (len(bytes(raw)) // BYTES_A_TOKEN if raw is not None else 0) + _asked(request)


def _asked(request: Request) -> int:
    for name in _ASKED:
        raw = request.fields.get(name)
        if raw is not None and (told := bytes(raw)).isdigit():
            return int(told[:_LONGEST_NUMBER])
    return 0
