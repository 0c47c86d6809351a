"""What lists and pages show of keys and tokens."""

from __future__ import annotations

from typing import Any

from unfold.decorators import display

from access import selectors
from providers.admin.badges import badge, moment


class CredentialColumns:
    @display(description="State")
    def shown_state(self, row: Any) -> str:
        return badge(selectors.credential_state(row)) if row.pk else "-"

    @display(description="Begins and ends with")
    def shown_text(self, row: Any) -> str:
        return f"{row.prefix}…{row.last4}" if row.prefix else "-"

    @display(description="Last used")
    def shown_last_used(self, row: Any) -> str:
        return moment(selectors.last_used_at(row)) if row.pk else "-"
