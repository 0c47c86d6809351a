"""ETag and If-Match: an object's tag is the revision that changed it last, or one of what belongs to it."""

from __future__ import annotations

from typing import Any

from django.db.models import Max
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from audit.history import Tracked

# A model whose rows belong to an object, and the column in which they name it, by the object's column of that name.
Children = tuple[type[Tracked], str]


class Changed(exceptions.APIException):
    """412: somebody changed the object since the caller read it."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The object has changed since: read it again."
    default_code = "changed"


def revision_of(row: Tracked, *, children: tuple[Children, ...] = ()) -> int:
    """The newest revision in the history of `row` and of its children, those that were deleted too."""
    found = [_newest(type(row), {row._meta.pk.attname: row.pk})]
    found += [_newest(model, {column: getattr(row, column)}) for model, column in children]
    return max(found)


def _newest(model: type[Tracked], chosen: dict[str, Any]) -> int:
    rows = model.history.model._default_manager.filter(**chosen).order_by()
    return rows.aggregate(newest=Max("revision"))["newest"] or 0


class ETagged:
    """For views of tracked objects. `etag_children` belong to the object: their changes raise its tag."""

    etag_children: tuple[Children, ...] = ()
    get_queryset: Any
    get_serializer: Any

    def etag_of(self, row: Tracked) -> str:
        return f'"{revision_of(row, children=self.etag_children)}"'

    def shown(self, row: Tracked, code: int = status.HTTP_200_OK) -> Response:
        """The row as it is stored now, with a tag that is never newer than what is shown."""
        etag = self.etag_of(row)
        stored = self.get_queryset().get(pk=row.pk)
        return Response(self.get_serializer(stored).data, status=code, headers={"ETag": etag})

    def check_match(self, request: Request, row: Tracked) -> None:
        """Raises Changed. To be called inside the change set, which holds the revision counter: nobody can come in
        between the check and the write."""
        wanted = request.headers.get("If-Match", "").strip()
        if not wanted or wanted == "*":
            return
        tags = {part.strip().removeprefix("W/").strip('"') for part in wanted.split(",")}
        if self.etag_of(row).strip('"') not in tags:
            raise Changed
