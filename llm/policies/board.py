"""What one process knows of the health of providers, models and keys: see docs/decisions/0013-failover.md."""

from __future__ import annotations

from llm.errors import GatewayError
from llm.policies.plan import Calm, Candidate


class Board(Calm):
    """`Conditions` as this process sees them, told by its calls: `began` when an attempt begins, then exactly one of
    `succeeded`, `failed` and `left` (its caller went, or it said nothing of the provider).

    `claim`: may this attempt go ahead? Only where a subject is half-open can the answer be no: one probe at a time.
    """

    def began(self, candidate: Candidate) -> None: ...

    async def claim(self, candidate: Candidate) -> bool:
        return True

    def succeeded(self, candidate: Candidate, *, first_token: float | None) -> None: ...

    def failed(self, candidate: Candidate, error: GatewayError) -> None: ...

    def left(self, candidate: Candidate) -> None: ...
