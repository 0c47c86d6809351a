"""What operators decide about providers: who they are, their models, keys and parameters, and the routes over them.

Natural keys (provider_id, model_id, route name, key_id) never change after creation; children point at their
provider by its natural key, so that a history row names it without a join. What a call or a test leaves behind lives
in the untracked siblings (ProviderState, ApiKeyState): else every call would be a revision.
"""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from audit.history import Tracked, records
from llm.adapters import KINDS
from providers.fields import SecretField

natural_key_validator = RegexValidator(
    r"^[a-z0-9][a-z0-9._-]{0,62}\Z",
    "Use 1 to 63 of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
)


def kinds() -> list[tuple[str, str]]:
    return [(kind, label) for kind, (label, _) in KINDS.items()]


class Environment(models.TextChoices):
    """Where a key or parameter is used; EVERY also is the default, and an exact match beats it."""

    EVERY = "", "every environment"
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Provider(Tracked):
    provider_id = models.CharField(max_length=63, unique=True, validators=[natural_key_validator])
    display_name = models.CharField(max_length=200)
    provider_type = models.CharField(max_length=40, choices=kinds)
    description = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)
    request_settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = records()

    class Meta(Tracked.Meta):
        ordering = ["provider_id"]

    def __str__(self) -> str:
        return self.provider_id


class ProviderModel(Tracked):
    class Type(models.TextChoices):
        CHAT = "chat"
        COMPLETION = "completion"
        EMBEDDING = "embedding"
        RERANK = "rerank"
        IMAGE = "image"
        AUDIO = "audio"
        MODERATION = "moderation"

    provider = models.ForeignKey(
        Provider, to_field="provider_id", db_column="provider_id", on_delete=models.CASCADE, related_name="models"
    )
    model_id = models.CharField(max_length=255)
    display_name = models.CharField(max_length=200, blank=True)
    model_type = models.CharField(max_length=20, choices=Type.choices, default=Type.CHAT)
    context_window = models.PositiveIntegerField(null=True, blank=True, help_text="Tokens; empty if not known.")
    max_tokens = models.PositiveIntegerField(null=True, blank=True, help_text="Largest answer in tokens.")
    enabled = models.BooleanField(default=True)
    capabilities = models.JSONField(default=list, blank=True)
    parameters = models.JSONField(default=dict, blank=True, help_text="Defaults for fields that a call leaves out.")
    priority = models.PositiveSmallIntegerField(default=1, help_text="Lower goes first among providers of a model id.")
    weight = models.PositiveSmallIntegerField(default=1, help_text="Share among equals in priority.")
    prices = models.JSONField(default=list, blank=True, help_text="What its tokens cost, from which day on.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = records()

    class Meta(Tracked.Meta):
        ordering = ["provider_id", "model_id"]
        constraints = [models.UniqueConstraint(fields=["provider", "model_id"], name="model_once_per_provider")]

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.model_id}"


class ApiKey(Tracked):
    """A provider's key: a value (`secret`) or a `reference` to one (env:NAME, file:NAME).

    `bound_to` is where the key may be sent (origin, proxy, verify), as it was when the key was entered; the snapshot
    refuses to send it elsewhere until it is entered anew. `fingerprint` and `last4` stand for the secret in history.
    """

    provider = models.ForeignKey(
        Provider, to_field="provider_id", db_column="provider_id", on_delete=models.CASCADE, related_name="api_keys"
    )
    key_id = models.CharField(max_length=63, validators=[natural_key_validator])
    name = models.CharField(max_length=100, default="default")
    secret = SecretField(null=True, blank=True)
    reference = models.CharField(max_length=255, blank=True)
    fingerprint = models.CharField(max_length=16, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    environment = models.CharField(max_length=20, choices=Environment.choices, blank=True, default="")
    weight = models.PositiveSmallIntegerField(default=1)
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    bound_to = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = records(exclude=["secret"])

    class Meta(Tracked.Meta):
        ordering = ["provider_id", "name", "environment"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "key_id"], name="key_id_once_per_provider"),
            models.UniqueConstraint(fields=["provider", "name", "environment"], name="key_name_once_per_environment"),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.name}"


class ConnectionParameter(Tracked):
    """`value` (tracked) or `secret_value` (encrypted, never in the history), by `is_sensitive`."""

    provider = models.ForeignKey(
        Provider,
        to_field="provider_id",
        db_column="provider_id",
        on_delete=models.CASCADE,
        related_name="connection_parameters",
    )
    param_name = models.CharField(max_length=100)
    value = models.JSONField(null=True, blank=True)
    secret_value = SecretField(null=True, blank=True)
    is_sensitive = models.BooleanField(default=False)
    fingerprint = models.CharField(max_length=16, blank=True)
    environment = models.CharField(max_length=20, choices=Environment.choices, blank=True, default="")
    bound_to = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = records(exclude=["secret_value"])

    class Meta(Tracked.Meta):
        ordering = ["provider_id", "param_name", "environment"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "param_name", "environment"], name="parameter_once_per_environment"
            ),
            models.CheckConstraint(
                condition=Q(is_sensitive=True, value__isnull=True)
                | Q(is_sensitive=False, value__isnull=False, secret_value__isnull=True),
                name="parameter_is_plain_or_secret",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.param_name}@{self.environment}"


class Route(Tracked):
    """A name that callers use for a choice of models.

    `targets` and `fallbacks` are lists of `{"model": "provider_id/model_id", "priority": 1, "weight": 1, "enabled":
    true}`: they belong to the route as one object, so that its history shows a change of them in one place.
    """

    class Strategy(models.TextChoices):
        PRIORITY = "priority"
        WEIGHTED = "weighted"
        ROUND_ROBIN = "round_robin", "Round-robin"
        LEAST_LATENCY = "least_latency", "Least latency"
        LOWEST_COST = "lowest_cost", "Lowest cost"
        LEAST_BUSY = "least_busy", "Least busy"

    name = models.CharField(max_length=63, unique=True, validators=[natural_key_validator])
    description = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)
    strategy = models.CharField(max_length=20, choices=Strategy.choices, default=Strategy.PRIORITY)
    targets = models.JSONField(default=list)
    fallbacks = models.JSONField(default=list, blank=True)
    policy = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = records()

    class Meta(Tracked.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ProviderState(models.Model):
    """What tests and probes of a provider left behind; untracked. `last_probe_at`: when the latest probe began, and how
    a process claims it; `probes_failed`: so many in a row."""

    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="state")
    last_test_at = models.DateTimeField(null=True, blank=True)
    last_test = models.JSONField(null=True, blank=True)
    last_probe_at = models.DateTimeField(null=True, blank=True)
    last_probe = models.JSONField(null=True, blank=True)
    probes_failed = models.PositiveIntegerField(default=0, db_default=0)  # machines of the version before know it not


class ApiKeyState(models.Model):
    """What calls with a key left behind; untracked, written in batches. `last_probe_at`: when it was probed as one that
    was refused."""

    api_key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="state")
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_probe_at = models.DateTimeField(null=True, blank=True)


class PriceProposal(models.Model):
    """What a list of prices says of a model, until an operator accepts or dismisses it; untracked.

    `price` is an entry for the model's `prices`; natural keys as everywhere, so that it may outlive the model.
    """

    provider_id = models.CharField(max_length=63)
    model_id = models.CharField(max_length=255)
    old = models.JSONField(null=True, blank=True)
    price = models.JSONField()
    source = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["provider_id", "model_id"]
        constraints = [models.UniqueConstraint(fields=["provider_id", "model_id"], name="one_proposal_per_model")]

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.model_id}"


class ConfigFileState(models.Model):
    """The configuration file as it was last applied, so that an unchanged file changes nothing; untracked."""

    path = models.CharField(max_length=500, unique=True)
    sha256 = models.CharField(max_length=64)
    content = models.JSONField(default=dict)  # what the file stated and the database said then: applying.Before
    applied_at = models.DateTimeField()
