from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Callers"

    def ready(self) -> None:
        from access import config_section, grants, roles, selectors, tracking
        from audit import scope
        from providers import usage

        tracking.register()
        config_section.register()
        usage.register_user(selectors.callers_naming)
        scope.register_scope(grants.scope_of)
        # After the permissions themselves, which django.contrib.auth makes on the same signal.
        post_migrate.connect(roles.after_migrate, sender=self, dispatch_uid="access.roles")
