from django.apps import AppConfig
from django.db.models import Q


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        from audit import scope
        from audit.models import Call, HealthEvent, HealthOrder, HealthState, Incident

        # A call that never came to a provider is nobody's but those who may see all.
        scope.register_rows(Call, lambda providers: Q(provider__in=providers), lambda call: (call.provider,))
        for rows in (HealthEvent, HealthOrder, HealthState, Incident):
            scope.register_rows(rows, lambda providers: Q(provider__in=providers), lambda row: (row.provider,))
