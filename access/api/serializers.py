"""Bodies and answers of /projects. Types only: what the values may be, the services say."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from access import selectors
from access.models import ProjectKey
from audit.api.base import StrictFields


class Text(serializers.CharField):
    """A text and nothing else: DRF's own field makes texts of numbers."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class ProjectSerializer(StrictFields):
    slug = Text(max_length=63)
    name = Text(max_length=200, required=False, allow_blank=True)
    owner = Text(max_length=200, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False)
    allowed_models = serializers.ListField(
        child=Text(), required=False, help_text='Route names, "provider/model", model ids, or "*" for all.'
    )
    default_route = Text(max_length=63, required=False, allow_blank=True)
    tags = serializers.DictField(child=Text(allow_blank=True), required=False)
    environment = Text(max_length=20, required=False, allow_blank=True, help_text="Empty: every environment.")
    accept_tasks = serializers.BooleanField(required=False, help_text="May Celery tasks name this project?")
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class ProjectKeySerializer(StrictFields):
    """A key as every answer but the one to its creation shows it: never its text."""

    key_id = Text(max_length=63, required=False, help_text="Given by the gateway; never changes.")
    name = Text(max_length=100)
    prefix = serializers.CharField(read_only=True)
    last4 = serializers.CharField(read_only=True)
    enabled = serializers.BooleanField(required=False)
    state = serializers.SerializerMethodField()
    allowed_models = serializers.ListField(
        child=Text(), required=False, help_text="Narrows what the project's own list allows."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    last_used_at = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)

    def get_state(self, key: ProjectKey) -> str:
        return selectors.credential_state(key)

    def get_last_used_at(self, key: ProjectKey) -> str | None:
        used = selectors.last_used_at(key)
        return used.isoformat() if used is not None else None


class CreatedProjectKeySerializer(ProjectKeySerializer):
    """The answer to the creation of a key: the only one with its text."""

    key = serializers.SerializerMethodField(help_text="The key's text: shown in this answer only.")

    def get_key(self, key: ProjectKey) -> str:
        return str(self.context["text"])
