"""/prices: proposals of new prices. Nothing changes before one is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from llm_gateway_client.management.audit_shapes import PriceProposal, PriceProposals, PricesDone
from llm_gateway_client.management.bodies import ProposalFilters
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class Prices(Resource):
    """`models` are named "provider/model"; None is all that are proposed."""

    def proposals(self, **filters: Unpack[ProposalFilters]) -> Pages[PriceProposal]:
        return self._pages(PriceProposal, "prices.proposals", filters)

    async def refresh(self, *, provider_id: str | None = None) -> PriceProposals:
        """Looks for new prices, of all providers or of this one."""
        body = {} if provider_id is None else {"provider_id": provider_id}
        return await self._one(PriceProposals, Asked("prices.refresh", body=body))

    async def accept(self, models: Sequence[str] | None = None, *, reason: str = "") -> PricesDone:
        return await self._one(PricesDone, Asked("prices.accept", body=_chosen(models), reason=reason))

    async def dismiss(self, models: Sequence[str] | None = None, *, reason: str = "") -> PricesDone:
        return await self._one(PricesDone, Asked("prices.dismiss", body=_chosen(models), reason=reason))

    proposals_sync = proposals
    refresh_sync = twin(refresh)
    accept_sync = twin(accept)
    dismiss_sync = twin(dismiss)


def _chosen(models: Sequence[str] | None) -> dict[str, Any]:
    return {} if models is None else {"models": [*models]}
