"""The tables of health: what happened, how it stands now, incidents, and what the control plane orders."""

from __future__ import annotations

from django.db import models


class Subject(models.Model):
    """What calls depend on and what may be in trouble: a provider, a model of one, a key of one. `name` is "openai",
    "openai/gpt-4o" or, of a key, "openai/KEY_ID"; `provider` is the part that the rows are narrowed by."""

    class Kind(models.TextChoices):
        PROVIDER = "provider"
        MODEL = "model"
        KEY = "key"

    class State(models.TextChoices):
        CLOSED = "closed"
        OPEN = "open"
        HALF_OPEN = "half_open"
        COOLING = "cooling"

    class Category(models.TextChoices):
        NONE = "", "none"
        TIMEOUT = "timeout"
        RATE_LIMIT = "rate_limit"
        AUTH = "auth"
        SERVER = "server"
        CONNECTION = "connection"
        MALFORMED = "malformed"

    class Cause(models.TextChoices):
        CALLS = "calls"
        PROBE = "probe"
        OPERATOR = "operator"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=330)
    provider = models.CharField(max_length=63)
    category = models.CharField(max_length=10, choices=Category.choices, blank=True)

    class Meta:
        abstract = True


class Incident(Subject):
    """From the moment at which a subject became open until it became closed. At most one of a subject is open."""

    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=8, choices=Subject.Cause.choices)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=8, choices=Subject.Cause.choices, blank=True)
    events = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-opened_at", "-id"]
        indexes = [
            models.Index(fields=["-opened_at", "-id"], name="incident_opened"),
            models.Index(fields=["kind", "name", "-opened_at"], name="incident_subject"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "name"], condition=models.Q(closed_at=None), name="incident_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class HealthEvent(Subject):
    """A change of state of a subject, as `llm.observe.health_event.HealthEvent` tells it."""

    event_id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    old = models.CharField(max_length=9, choices=Subject.State.choices)
    new = models.CharField(max_length=9, choices=Subject.State.choices)
    cause = models.CharField(max_length=8, choices=Subject.Cause.choices)
    until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, blank=True, related_name="told")

    class Meta:
        ordering = ["-at", "-event_id"]
        indexes = [
            models.Index(fields=["-at", "-event_id"], name="health_event_at"),
            models.Index(fields=["kind", "name", "-at"], name="health_event_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.new}"


class HealthState(Subject):
    """The newest state of a subject, one row each. `told_at` is the time of the newest event, which `since` is not
    where several processes tell of the same state."""

    state = models.CharField(max_length=9, choices=Subject.State.choices, default=Subject.State.CLOSED)
    since = models.DateTimeField()
    told_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    cause = models.CharField(max_length=8, choices=Subject.Cause.choices)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="health_state_subject")]
        permissions = [("reset_healthstate", "Can reset a breaker")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.state}"


class HealthOrder(Subject):
    """What the control plane tells the processes that serve calls; they read what is newer than the last id they saw.
    `given_by` and `reason` are of an operator."""

    class Action(models.TextChoices):
        CLOSE = "close"
        OPEN = "open"

    action = models.CharField(max_length=5, choices=Action.choices)
    cause = models.CharField(max_length=8, choices=Subject.Cause.choices)
    given_by = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"
