"""The gateway's management API, from a program: `from llm_gateway_client.management import ManagementClient`.

    from llm_gateway_client.management import Changed, ManagementClient

    with ManagementClient("http://127.0.0.1:8000", "gwadm-...") as gateway:
        provider = gateway.providers.create_sync(
            "demo", "echo", models=[{"model_id": "echo-1"}], reason="a provider without a key"
        )
        gateway.routes.create_sync("fast", [{"model": "demo/echo-1"}])
        try:
            gateway.providers.update_sync("demo", description="For demonstrations", if_match=provider.etag)
        except Changed:
            print("somebody else was faster: read it again")
        for change_set in gateway.audit.changes_sync(object="provider:demo"):
            print(change_set.revision, change_set.actor, change_set.reason)
        newest = next(iter(gateway.audit.changes_sync()))
        plan = gateway.audit.plan_revert_sync(newest.revision)
        gateway.audit.revert_sync(newest.revision, plan.plan_hash, reason="it was right before")

The same with `async with` and `await`, without `_sync`; lists are iterated with `for` and with `async for`, and
`await ....page(1)` is one page of them with the count of all. What an answer has beyond its dataclass, from a newer
gateway, is in `.extra`. Errors: see errors.py.
"""

from llm_gateway_client.management.audit_shapes import (
    Change,
    ChangeSet,
    Difference,
    ImportReport,
    PriceProposal,
    PriceProposals,
    PricesDone,
    RevertConflict,
    RevertPlan,
    Step,
)
from llm_gateway_client.management.breaker_shapes import (
    Breaker,
    BreakerStatus,
    HealthEvent,
    Incident,
    ResetBreaker,
    ToldIncident,
    Troubled,
)
from llm_gateway_client.management.client import ManagementClient
from llm_gateway_client.management.errors import (
    Changed,
    Conflict,
    InvalidFields,
    ManagementError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
)
from llm_gateway_client.management.project_shapes import Call, CreatedProjectKey, Project, ProjectKey, TraceStep
from llm_gateway_client.management.provider_shapes import (
    ApiKey,
    ConnectionParameter,
    Discovery,
    GoneModel,
    KeyUsage,
    KnownModel,
    ListedModel,
    Model,
    Provider,
    RotatedKey,
    SyncedProvider,
    TestResult,
    UsageDay,
)
from llm_gateway_client.management.resource import Page, Pages
from llm_gateway_client.management.route_shapes import (
    CallPlan,
    Candidate,
    Explanation,
    LeftOut,
    PassedOver,
    PlanFailure,
    Planned,
    Resolution,
    Route,
    Target,
)
from llm_gateway_client.management.status_shapes import (
    ExpiringKey,
    Health,
    KeyStatus,
    Probe,
    ProviderStatus,
    Readiness,
    Status,
)

__all__ = [
    "ApiKey",
    "Breaker",
    "BreakerStatus",
    "Call",
    "CallPlan",
    "Candidate",
    "Change",
    "ChangeSet",
    "Changed",
    "Conflict",
    "ConnectionParameter",
    "CreatedProjectKey",
    "Difference",
    "Discovery",
    "ExpiringKey",
    "Explanation",
    "GoneModel",
    "Health",
    "HealthEvent",
    "ImportReport",
    "Incident",
    "InvalidFields",
    "KeyStatus",
    "KeyUsage",
    "KnownModel",
    "LeftOut",
    "ListedModel",
    "ManagementClient",
    "ManagementError",
    "Model",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "Page",
    "Pages",
    "PassedOver",
    "PlanFailure",
    "Planned",
    "PriceProposal",
    "PriceProposals",
    "PricesDone",
    "Probe",
    "Project",
    "ProjectKey",
    "Provider",
    "ProviderStatus",
    "Readiness",
    "ResetBreaker",
    "Resolution",
    "RevertConflict",
    "RevertPlan",
    "RotatedKey",
    "Route",
    "Status",
    "Step",
    "SyncedProvider",
    "Target",
    "TestResult",
    "ToldIncident",
    "TraceStep",
    "Troubled",
    "UsageDay",
]
