"""To where a secret is bound that is entered at this moment."""

from __future__ import annotations

from providers.binding import bindings
from providers.models import ConnectionParameter, Provider


def bound_now(provider_id: str, environment: str, *, entering: ConnectionParameter | None = None) -> str:
    """Read afresh, inside the change set: what a view loaded before may have changed meanwhile.

    `entering` is the parameter that is being written itself, in place of its stored row.
    """
    provider = Provider.objects.get(provider_id=provider_id)
    rows = list(ConnectionParameter.objects.filter(provider=provider_id))
    if entering is not None:
        rows = [row for row in rows if row.pk != entering.pk] + [entering]
    return bindings(kind=provider.provider_type, rows=rows, environment=environment)
