"""Who may do what: the decision for every address. A new address needs a line here, or the matrix fails.

REST: {name: {method: Decision}}. Pages of the admin: a model's own are decided by MODELS, all others by PAGES.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["anybody", "viewer", "operator", "admin"]
Limited = Literal["open", "forbidden", "not found"]
RANKS = ("viewer", "operator", "admin")


@dataclass(frozen=True)
class Decision:
    """`least` is the lowest group that may. `limited` is what an operator gets who is limited to *another* provider
    than the one that the address names."""

    least: Role
    limited: Limited = "open"
    reads_tokens: bool = False  # open to anybody, but a token that does not hold is refused

    def allows(self, role: str) -> bool:
        return self.least == "anybody" or (role in RANKS and RANKS.index(role) >= RANKS.index(self.least))


ANYBODY = Decision("anybody")
READ = Decision("viewer")
READ_ONE = Decision("viewer", "not found")
WRITE_ONE = Decision("operator", "not found")
OPERATE = Decision("operator")
CREATE = Decision("operator", "forbidden")
ADMINISTER = Decision("admin", "forbidden")

OBJECT = {"get": READ_ONE, "put": WRITE_ONE, "patch": WRITE_ONE, "delete": WRITE_ONE}
BELOW = {"get": READ_ONE, "post": WRITE_ONE}
CALLER = {"get": READ, "put": CREATE, "patch": CREATE, "delete": CREATE}

REST: dict[str, dict[str, Decision]] = {
    "provider-list": {"get": READ, "post": CREATE},
    "provider-detail": OBJECT,
    "provider-test": {"post": WRITE_ONE},
    "provider-discover": {"post": WRITE_ONE},
    "provider-sync": {"post": ADMINISTER},
    "provider-model-list": BELOW,
    "provider-model-detail": OBJECT,
    "provider-key-list": BELOW,
    "provider-key-detail": OBJECT,
    "provider-key-rotate": {"post": WRITE_ONE},
    "provider-key-usage": {"get": READ_ONE},
    "provider-parameter-list": BELOW,
    "provider-parameter-detail": OBJECT,
    "model-list": {"get": READ},
    "route-list": {"get": READ, "post": OPERATE},
    "route-detail": OBJECT,
    "route-resolved": {"get": READ_ONE},
    "route-explain": {"post": READ_ONE},
    "price-proposals": {"get": READ},
    "price-refresh": {"post": OPERATE},
    "price-accept": {"post": OPERATE},
    "price-dismiss": {"post": OPERATE},
    "config-export": {"get": READ},
    "config-schema": {"get": READ},
    "config-import": {"post": ADMINISTER},
    "project-list": {"get": READ, "post": CREATE},
    "project-detail": CALLER,
    "project-key-list": {"get": READ, "post": CREATE},
    "project-key-detail": CALLER,
    "changes": {"get": READ},
    "change": {"get": READ_ONE},
    "change-revert": {"post": CREATE},
    "revert": {"post": CREATE},
    "diff": {"get": READ},
    "config-as-of": {"get": READ},
    "calls": {"get": READ},
    "call": {"get": READ_ONE},
    "health-events": {"get": READ},
    "incidents": {"get": READ},
    "incident": {"get": READ_ONE},
    "breakers": {"get": READ},
    "breaker-reset": {"post": OPERATE},  # whose it is stands in the body
    "status": {"get": READ},
    "schema": {"get": Decision("anybody", reads_tokens=True)},
    "docs": {"get": Decision("anybody", reads_tokens=True)},
    "metrics": {"get": ANYBODY},
}


@dataclass(frozen=True)
class Pages:
    """A model's pages. `write` None: a record that no page changes; `add` and `change` say where it differs."""

    view: Role
    write: Role | None
    limited: Limited
    add: bool = True
    change: bool = True


MODELS = {
    "providers_provider": Pages("viewer", "operator", "not found"),
    "providers_providermodel": Pages("viewer", "operator", "not found"),
    "providers_apikey": Pages("viewer", "operator", "not found"),
    "providers_connectionparameter": Pages("viewer", "operator", "not found"),
    "providers_route": Pages("viewer", "operator", "not found"),
    "providers_priceproposal": Pages("viewer", None, "not found"),
    "access_project": Pages("viewer", "operator", "open"),
    "access_projectkey": Pages("viewer", "operator", "open"),
    "access_usertoken": Pages("admin", "admin", "forbidden"),
    "access_providergrant": Pages("admin", "admin", "forbidden"),
    "auth_user": Pages("admin", "admin", "forbidden"),
    "auth_group": Pages("admin", "admin", "forbidden"),
    "axes_accessattempt": Pages("admin", "admin", "forbidden", add=False, change=False),
    "audit_call": Pages("viewer", None, "not found"),
    "audit_changeset": Pages("viewer", None, "not found"),
    "audit_healthevent": Pages("viewer", None, "not found"),
    "audit_incident": Pages("viewer", None, "not found"),
}

# By the page's name: who may open it (GET), and who may send its form (POST). None: there is no such thing.
PAGES: dict[str, tuple[Decision | None, Decision | None]] = {
    "admin:index": (READ, None),
    "admin:search": (READ, None),
    "admin:password_change": (READ, READ),
    "admin:password_change_done": (READ, None),
    "admin:jsi18n": (READ, None),
    "admin:app_list": (READ, None),
    "health": (READ, None),
    "health_reset": (None, OPERATE),
    "playground": (OPERATE, None),
    "playground_call": (None, OPERATE),
    "admin:providers_provider_test": (WRITE_ONE, WRITE_ONE),
    "admin:providers_provider_discover": (WRITE_ONE, WRITE_ONE),
    "admin:providers_provider_test_this": (OPERATE, None),  # leads on to the page above
    "admin:providers_provider_discover_this": (OPERATE, None),
    "admin:providers_apikey_rotate": (WRITE_ONE, WRITE_ONE),
    "admin:providers_apikey_rotate_this": (OPERATE, None),
    "admin:providers_priceproposal_refresh": (None, OPERATE),
    "admin:access_project_new_key": (CREATE, None),
    "admin:auth_user_password_change": (ADMINISTER, ADMINISTER),
    "admin:audit_changeset_compare": (READ, None),
    "admin:audit_changeset_timeline": (READ_ONE, None),
    "admin:audit_changeset_config": (READ, None),
    "admin:audit_changeset_revert": (CREATE, CREATE),
}

# Django's own, which say nothing: the login itself, leading on, and the page that is not there.
WITHOUT_A_DECISION = {
    "": "leads to the admin",
    "admin:login": "the login",
    "admin:logout": "ends a session",
    "admin:autocomplete": "asks the pages of the model that it completes",
    "admin:view_on_site": "no model has a page on a site",
    "admin/(?P<url>.*)$": "unknown pages of the admin: 404",
}
