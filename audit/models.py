"""The revision counter, change sets, and the record of every call; the tables of health beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

from audit import histogram
from audit.health_models import HealthEvent, HealthOrder, HealthState, Incident

__all__ = [
    "Call",
    "CallRollup",
    "ChangeSet",
    "HealthEvent",
    "HealthOrder",
    "HealthState",
    "Incident",
    "KeyRollup",
    "RevisionCounter",
]


class RevisionCounter(models.Model):
    """One row, locked by every change set first of all: so the order of commits is the order of revisions.

    An autoincrement id would lose changes: a later id can commit first, and a watcher that saw it never asks for the
    earlier one.
    """

    revision = models.BigIntegerField(default=0)


class ChangeSet(models.Model):
    """All that one request, command, task or admin save changed. Made only where something changed."""

    class Origin(models.TextChoices):
        ADMIN = "admin"
        REST = "rest", "REST"
        COMMAND = "command"
        IMPORT = "import"
        TASK = "task"
        SHELL = "shell"

    revision = models.BigIntegerField(primary_key=True)
    actor = models.CharField(max_length=200, blank=True)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    reverts = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-revision"]
        permissions = [
            ("revert_changeset", "Can revert a change set or single objects"),
            ("revert_everything", "Can revert the whole configuration to a revision"),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision}"


class Call(models.Model):
    """One call, as `llm.observe.record.CallRecord` tells it. Names are natural keys: a row outlives what it names.

    On PostgreSQL the table is partitioned by `day` (from the UUIDv7 `call_id`), and the key is (call_id, day).
    """

    class Status(models.TextChoices):
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    call_id = models.UUIDField(primary_key=True)
    day = models.DateField()
    request_id = models.CharField(max_length=128)
    project = models.CharField(max_length=63, blank=True)
    key = models.CharField(max_length=63, blank=True)
    end_user = models.CharField(max_length=255, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    endpoint = models.CharField(max_length=40)
    requested_model = models.CharField(max_length=330, blank=True)
    provider = models.CharField(max_length=63, blank=True)
    model = models.CharField(max_length=255, blank=True)
    provider_key = models.CharField(max_length=63, blank=True)
    route = models.CharField(max_length=63, blank=True)
    revision = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status.choices)
    http_status = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    stream = models.BooleanField(default=False)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    usage_estimated = models.BooleanField(default=False)
    cost_nano_usd = models.BigIntegerField(null=True, blank=True)
    latency_ms = models.FloatField(default=0)
    time_to_first_token_ms = models.FloatField(null=True, blank=True)
    overhead_ms = models.FloatField(default=0)
    created_at = models.DateTimeField()
    trace = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-created_at", "-call_id"]
        indexes = [
            models.Index(fields=["-created_at"], name="call_created"),
            models.Index(fields=["request_id"], name="call_request_id"),
            models.Index(fields=["project", "-created_at"], name="call_project_created"),
            models.Index(fields=["provider", "model", "-created_at"], name="call_model_created"),
            models.Index(fields=["-created_at"], name="call_failed", condition=models.Q(status="failed")),
        ]

    def __str__(self) -> str:
        return str(self.call_id)


def _histogram(name: str, prefix: str) -> type[models.Model]:
    """An abstract model with a counter for each bucket: counters add up in one upsert, a JSON column would not."""
    fields: dict[str, Any] = {column: models.BigIntegerField(default=0) for column in histogram.columns(prefix)}
    meta = type("Meta", (), {"abstract": True})
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


class CallRollup(_histogram("LatencyHistogram", "latency"), _histogram("TtftHistogram", "ttft")):
    """Counts of the calls that began in one minute, hour or day (UTC), by what served them.

    Written by the ingester only, in the transaction of the rows that it counts: a sum over a grain is what a recount
    of the Call table gives. Minutes are kept for two days, all else also after its calls are pruned.
    """

    class Grain(models.TextChoices):
        """Hours and days are by project, provider, model and revision. Minutes and totals, which a dashboard reads, are
        by provider and model only (project "", revision 0), so that they stay few however many projects there are."""

        MINUTE = "minute"
        TOTAL = "total", "Hour over all projects"
        HOUR = "hour"
        DAY = "day"

        @property
        def by_model_only(self) -> bool:
            return self in ("minute", "total")

        def start_of(self, moment: datetime) -> datetime:
            """The beginning of the minute, hour or day of `moment`."""
            parts: dict[str, int] = {"second": 0, "microsecond": 0}
            if self != "minute":
                parts["minute"] = 0
            if self == "day":
                parts["hour"] = 0
            return moment.replace(**parts)

    grain = models.CharField(max_length=6, choices=Grain.choices)
    start = models.DateTimeField()
    project = models.CharField(max_length=63, blank=True)
    provider = models.CharField(max_length=63, blank=True)
    model = models.CharField(max_length=255, blank=True)
    revision = models.BigIntegerField()
    last_at = models.DateTimeField()
    requests = models.BigIntegerField(default=0)
    succeeded = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    client_errors = models.BigIntegerField(default=0)
    throttled = models.BigIntegerField(default=0)
    server_errors = models.BigIntegerField(default=0)
    broken_streams = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grain", "start", "project", "provider", "model", "revision"], name="call_rollup_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M} {self.project} {self.provider}/{self.model}"


class KeyRollup(models.Model):
    """Counts of the calls of one day (UTC) that were made with one key of a provider; written as CallRollup is."""

    provider = models.CharField(max_length=63)
    provider_key = models.CharField(max_length=63)
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    succeeded = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_nano_usd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "provider_key", "day"], name="key_rollup_key")]

    def __str__(self) -> str:
        return f"{self.provider}/{self.provider_key} {self.day}"


class AttemptRollup(models.Model):
    """Attempts of one minute (UTC) at one model, whatever became of their calls; written as CallRollup is."""

    provider = models.CharField(max_length=63)
    model = models.CharField(max_length=255)
    start = models.DateTimeField()
    attempts = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "model", "start"], name="attempt_rollup_key")]
        indexes = [models.Index(fields=["start"], name="attempt_rollup_start")]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.start:%Y-%m-%d %H:%M}"
