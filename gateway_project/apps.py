import atexit
import os

from django.apps import AppConfig

from llm import service
from llm.service import Gateway


class GatewayProjectConfig(AppConfig):
    name = "gateway_project"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from gateway_project import route_plans
        from providers import call_plan

        call_plan.register(route_plans.planned)

        # For a shell, a command or a notebook that calls; servers and workers install their own.
        service.install(_gateway)


def _gateway() -> Gateway:
    from gateway_project import wiring  # it needs the models, and starts threads: only in a process that calls

    atexit.register(_stop, os.getpid())
    return wiring.gateway()


def _stop(pid: int) -> None:
    """Not in a child that was forked meanwhile."""
    from gateway_project import wiring

    if os.getpid() == pid:
        wiring.runtime().stop()
