"""How a change set looks on the management API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.diff import Change
from audit.models import ChangeSet

FIELDS_HELP = '{"display_name": {"old": ..., "new": ...}}; secrets as fingerprints, null where there was no object.'


class WithFields(serializers.Serializer[Any]):
    """`fields` of an answer; declared here, because a serializer has an attribute of that name."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        values = serializers.DictField(child=serializers.DictField(), help_text=FIELDS_HELP)
        return {**super().get_fields(), "fields": values}


class ChangeSerializer(WithFields):
    object = serializers.CharField(help_text='"provider:openai", "model:openai/gpt-4o"')
    kind = serializers.CharField()
    action = serializers.ChoiceField(choices=["create", "update", "delete"])


class ChangeSetSerializer(serializers.ModelSerializer[ChangeSet]):
    """The context's `changes` are those that the caller may see: {revision: [Change]}."""

    reverts = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The revision that it undid, or went back to."
    )
    changes = serializers.SerializerMethodField()

    class Meta:
        model = ChangeSet
        fields = (
            "revision",
            "actor",
            "origin",
            "reason",
            "request_id",
            "ip",
            "user_agent",
            "created_at",
            "reverts",
            "changes",
        )
        read_only_fields = fields

    @extend_schema_field(ChangeSerializer(many=True))
    def get_changes(self, row: ChangeSet) -> list[ChangeSerializer]:
        found: list[Change] = self.context["changes"][row.revision]
        return ChangeSerializer(found, many=True).data
