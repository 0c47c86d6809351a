"""POST /audit/changes/{revision}/revert and POST /audit/revert: first the plan, then, by its hash, the revert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, generics, permissions, serializers, status
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import history, revert
from audit.api import moments
from audit.api.base import ChangeSetMixin, StrictFields
from audit.api.change_shapes import WithFields
from audit.models import ChangeSet
from audit.plan import Plan
from audit.revert import Target

LARGEST = 2**63 - 1


class PlanHasChanged(exceptions.APIException):
    """412: the configuration changed since the plan was shown."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "plan_changed"
    default_detail = "The plan has changed since: ask for it again."


class StrictBoolean(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class RevertBody(StrictFields):
    dry_run = StrictBoolean(default=True, help_text="True unless false is said: only the plan is answered.")
    plan_hash = serializers.CharField(required=False, max_length=128, help_text="Required where dry_run is false.")
    reason = serializers.CharField(required=False, allow_blank=True)


class RevertToBody(RevertBody):
    to = serializers.IntegerField(min_value=0, max_value=LARGEST, help_text="The revision to go back to.")
    objects = serializers.ListField(
        child=serializers.CharField(max_length=400),
        required=False,
        allow_empty=False,
        help_text="Left out: everything.",
    )


class StepSerializer(WithFields):
    object = serializers.CharField()
    action = serializers.ChoiceField(choices=["create", "update", "delete"])


class ConflictSerializer(serializers.Serializer[Any]):
    object = serializers.CharField()
    field = serializers.CharField(help_text="* where the whole object was made or deleted later.")
    revision = serializers.IntegerField(help_text="The newest revision that changed it.")


class RevertAnswer(serializers.Serializer[Any]):
    plan_hash = serializers.CharField()
    steps = StepSerializer(many=True)
    conflicts = ConflictSerializer(many=True)
    missing_secrets = serializers.ListField(
        child=serializers.CharField(), help_text="Objects whose secret of then is not stored any more."
    )
    skipped = serializers.ListField(child=serializers.CharField(), help_text="Tokens and grants: they are given anew.")
    problems = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Why it would be refused, by object."
    )
    revision = serializers.IntegerField(
        required=False, allow_null=True, help_text="The new one; null where nothing had to change."
    )


class MayRevert(permissions.BasePermission):
    """`revert_changeset`; without `objects`, POST /audit/revert asks for `revert_everything` too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and request.user.has_perm(revert.RIGHT))


class RevertView(ChangeSetMixin, generics.GenericAPIView[ChangeSet]):
    queryset = ChangeSet.objects.none()
    permission_classes = (MayRevert,)
    pagination_class = None

    def body(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = dict(serializer.validated_data)
        if not body["dry_run"] and not body.get("plan_hash"):
            raise ValidationError({"plan_hash": ["It is required where dry_run is false: the one of the plan shown."]})
        return body

    def answer(self, request: Request, target: Target, body: dict[str, Any]) -> Response:
        check = _permitted(request.user)
        if body["dry_run"]:
            planned = target.plan()
            check(planned)
            return Response(_told(planned, request.user, revert.rehearse(planned)))
        try:
            with self.write(request, reason=target.reason) as draft:
                planned = revert.apply(target, plan_hash=body["plan_hash"], draft=draft, check=check)
        except revert.PlanChanged:
            raise PlanHasChanged from None
        number = draft.revision if planned.steps else None
        return Response({**_told(planned, request.user, None), "revision": number})


class RevertChangeSet(RevertView):
    """Takes back what one revision changed. Later changes of the same fields are told as conflicts, and overwritten."""

    serializer_class = RevertBody

    @extend_schema(
        operation_id="audit_changes_revert",
        parameters=[OpenApiParameter("revision", int, OpenApiParameter.PATH)],
        request=RevertBody,
        responses={200: RevertAnswer, 412: OpenApiResponse(description="The plan has changed.")},
    )
    def post(self, request: Request, revision: str) -> Response:
        number = moments.known(moments.number("revision", revision) or moments.known(-1))
        return self.answer(request, Target(undo=number), self.body(request))


class RevertTo(RevertView):
    """Puts objects, or everything, back to what they were at a revision."""

    serializer_class = RevertToBody

    @extend_schema(
        operation_id="audit_revert",
        request=RevertToBody,
        responses={200: RevertAnswer, 412: OpenApiResponse(description="The plan has changed.")},
    )
    def post(self, request: Request) -> Response:
        body = self.body(request)
        objects = body.get("objects")
        if objects is None and not request.user.has_perm(revert.EVERYTHING):
            raise PermissionDenied("Putting everything back is a right of its own; name the objects.")
        target = Target(to=moments.known(body["to"]), objects=objects)
        return self.answer(request, target, body)


def _permitted(user: Any) -> Callable[[Plan], None]:
    def check(planned: Plan) -> None:
        if not revert.permitted(user, planned):
            raise PermissionDenied("You may not change everything that this would change.")

    return check


def _told(planned: Plan, user: Any, refused: DjangoValidationError | None) -> dict[str, Any]:
    kinds = history.by_kind()

    def seen(name: str) -> bool:
        return kinds[name.partition(":")[0]].visible(user, name)

    conflicts = [conflict for conflict in planned.conflicts if seen(conflict.object)]
    return {
        "plan_hash": planned.hash,
        "steps": StepSerializer(planned.steps, many=True).data,
        "conflicts": ConflictSerializer(conflicts, many=True).data,
        "missing_secrets": [name for name in planned.missing_secrets if seen(name)],
        "skipped": [name for name in planned.skipped if seen(name)],
        "problems": refused.message_dict if refused is not None else {},
    }
