"""Callers: projects and their keys (hashed), and the tokens of users for the management API (hashed)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from audit.history import Tracked, records

slug_validator = RegexValidator(
    r"^[a-z0-9][a-z0-9._-]{0,62}\Z",
    "Use 1 to 63 of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
)


def all_models() -> list[str]:
    return ["*"]


class Project(Tracked):
    """Who calls. `allowed_models` holds route names, `provider/model`, model ids, or `*`."""

    slug = models.CharField(max_length=63, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=200, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    allowed_models = models.JSONField(default=all_models, blank=True)
    default_route = models.CharField(max_length=63, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    environment = models.CharField(max_length=20, blank=True, default="")
    accept_tasks = models.BooleanField(default=False, help_text="May Celery tasks name this project?")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = records()

    class Meta(Tracked.Meta):
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class ProjectKey(Tracked):
    """A key of a project: its text is shown once and stored as a SHA-256 hash (it is random, so no salt is needed)."""

    project = models.ForeignKey(
        Project, to_field="slug", db_column="project_slug", on_delete=models.CASCADE, related_name="keys"
    )
    key_id = models.CharField(max_length=63, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=100)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    last4 = models.CharField(max_length=4, editable=False)
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    allowed_models = models.JSONField(default=all_models, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    history = records(exclude=["key_hash"])

    class Meta(Tracked.Meta):
        ordering = ["project", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="key_name_once_per_project")]

    def __str__(self) -> str:
        return f"{self.project_id}/{self.name}"


class UserToken(Tracked):
    """A user's token for the management API (`gwadm-...`): shown once, stored as a SHA-256 hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="gateway_tokens")
    token_id = models.CharField(max_length=63, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    last4 = models.CharField(max_length=4, editable=False)
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    history = records(exclude=["token_hash"])

    class Meta(Tracked.Meta):
        ordering = ["user", "name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name_once_per_user")]

    def __str__(self) -> str:
        return f"{self.user_id}/{self.name}"


class ProviderGrant(Tracked):
    """One provider that a user, or the members of a group, may see, and change where `may_change`.

    Who has no such row, by themselves or by a group, has the rights of their groups over all providers; who has one is
    limited to those given. `provider` is a natural key, no foreign key: a row that went along with its provider would
    end the limit. `provider` empty: limited, and nothing given. A group that has grants cannot be deleted.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="provider_grants"
    )
    group = models.ForeignKey(
        "auth.Group", null=True, blank=True, on_delete=models.PROTECT, related_name="provider_grants"
    )
    holder = models.CharField(max_length=160, editable=False)
    provider = models.CharField(max_length=63, blank=True)
    may_change = models.BooleanField(default=False, help_text="Else the provider may only be seen.")
    created_at = models.DateTimeField(auto_now_add=True)

    history = records()

    class Meta(Tracked.Meta):
        ordering = ["holder", "provider"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, group__isnull=True)
                | models.Q(user__isnull=True, group__isnull=False),
                name="grant_of_a_user_or_a_group",
            ),
            models.UniqueConstraint(fields=["user", "provider"], name="grant_once_per_user"),
            models.UniqueConstraint(fields=["group", "provider"], name="grant_once_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.holder}/{self.provider or 'nothing'}"


class SingleSignOn(models.Model):
    """The user that an identity of the OpenID provider is; untracked, made at the first login."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="single_sign_on")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="identity_once")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"


class RoleState(models.Model):
    """The rights that the product gave to a group so far: what somebody took away is not given again; untracked."""

    role = models.CharField(max_length=20, unique=True)
    given = models.JSONField(default=list)


class ProjectKeyState(models.Model):
    """What calls with a key left behind; untracked, written in batches."""

    project_key = models.OneToOneField(ProjectKey, on_delete=models.CASCADE, related_name="state")
    last_used_at = models.DateTimeField(null=True, blank=True)


class UserTokenState(models.Model):
    token = models.OneToOneField(UserToken, on_delete=models.CASCADE, related_name="state")
    last_used_at = models.DateTimeField(null=True, blank=True)
