from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Callers"

    def ready(self) -> None:
        from access import selectors, tracking
        from providers import usage

        tracking.register()
        usage.register_user(selectors.callers_naming)
