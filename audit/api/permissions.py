"""Who may do what on the management API. In a file of its own: REST framework imports it while it is itself loading."""

from __future__ import annotations

from typing import Any

from rest_framework import permissions
from rest_framework.request import Request

from audit import scope


class ModelPermissions(permissions.DjangoModelPermissions):
    """Django's own permissions, `view` included."""

    perms_map = {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": [],
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "PUT": ["%(app_label)s.change_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """The right itself was asked for before; here, whether the row's providers are the user's to change. What they
        may not even see, a view does not find."""
        return scope.may(request.user, "view" if request.method in permissions.SAFE_METHODS else "change", obj)
