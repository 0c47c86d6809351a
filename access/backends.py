"""Users' rights: those of their groups, less what lies outside of the providers given to them.

`user.has_perm(permission)` is the right in general, `user.has_perm(permission, row)` that over one object: a row of a
provider is out of reach where the provider is not given, and only to be seen where it is given for seeing.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from access import grants
from audit import scope


class ScopedPermissions(ModelBackend):
    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        # Django's own answers no to every question about an object.
        if not super().has_perm(user_obj, perm):
            return False
        mine = scope.of(user_obj)
        if not mine.limited:
            return True
        return perm in grants.LEFT and (obj is None or _reaches(mine, perm, obj))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return super().has_module_perms(user_obj, app_label) and (
            not scope.of(user_obj).limited or any(name.startswith(f"{app_label}.") for name in grants.LEFT)
        )


def _reaches(mine: scope.Scope, perm: str, obj: Any) -> bool:
    providers = scope.providers_of(obj)
    looking = perm.partition(".")[2].startswith("view_")
    return mine.sees(*providers) if looking else mine.changes(*providers)
