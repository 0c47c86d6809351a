"""The schema's part that all paths share: the statuses of refusals, which no view has to write down itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import SAFE_METHODS

from audit.api.etags import ETagged

FIELDS = {
    "type": "object",
    "description": 'What is wrong, by field: {"name": ["This field is required."]}; or {"detail": "..."}.',
    "additionalProperties": True,
}
DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
WORDS = {
    "400": ("The request says something that cannot be.", FIELDS),
    "401": ("A token or a session is needed.", DETAIL),
    "403": ("The user may not do this.", DETAIL),
    "404": ("There is no such object, or none that the user may see.", DETAIL),
    "409": ("It exists already, or something still uses it.", FIELDS),
    "412": ("The object has changed since: If-Match names another revision.", DETAIL),
    "415": ("The body is not of a media type that is read here.", DETAIL),
}


class Schema(AutoSchema):
    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> Any:
        answers = super()._get_response_bodies(*args, **kwargs)
        for code in self._refusals():
            text, schema = WORDS[code]
            answers.setdefault(code, {"description": text, "content": {"application/json": {"schema": schema}}})
        return dict(sorted(answers.items()))

    def _refusals(self) -> set[str]:
        codes = {"401", "403"}
        if "{" in self.path:
            codes.add("404")
        if self.method in SAFE_METHODS:
            # A page, a revision or a time that there is not.
            return codes | ({"400", "404"} if self._get_parameters() else set())
        codes |= {"400", "409"}
        if self.method != "DELETE":
            codes.add("415")
        if isinstance(self.view, ETagged) and (self.method != "POST" or "{" in self.path):
            codes.add("412")
        return codes
