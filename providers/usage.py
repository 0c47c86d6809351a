"""Who uses a provider, a model or a route: asked before it is deleted.

Routes are known here. Floors above register what they know: `register_user(function)` from an AppConfig.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from audit.errors import InUse
from providers.models import Provider, ProviderModel, Route

# Gets the names by which callers may know what is to go (route names, "provider/model", "provider/*", model ids) and
# gives the objects that name one of them ("project:default").
User = Callable[[Collection[str]], Iterable[str]]

_users: list[User] = []


def register_user(user: User) -> None:
    if user not in _users:
        _users.append(user)


def users_of_provider(provider: Provider) -> list[str]:
    """The routes and projects that name a model of the provider: "route:fast", "project:default"."""
    identity = provider.provider_id
    models = list(provider.models.values_list("model_id", flat=True))
    names = {f"{identity}/{model_id}" for model_id in models} | {f"{identity}/*"} | _own_ids(identity, models)
    users = {f"route:{route.name}" for route in Route.objects.all() if identity in providers_of(route)}
    return _with_projects(users, names)


def users_of_model(model: ProviderModel) -> list[str]:
    """Those that name the model, or need the `*` that it is."""
    name = f"{model.provider_id}/{model.model_id}"
    needed = _reached_by_star(model) if model.model_id == "*" else {name}
    users = {f"route:{route.name}" for route in Route.objects.all() if needed & targets_of(route)}
    return _with_projects(users, {name} | _own_ids(model.provider_id, [model.model_id]))


def users_of_route(route: Route) -> list[str]:
    return _with_projects(set(), {route.name})


def check_provider(provider: Provider) -> None:
    """Raises InUse where a route or project names a model of the provider."""
    _refuse("provider_id", users_of_provider(provider))


def check_model(model: ProviderModel) -> None:
    """Raises InUse where a route or project names the model, or needs the `*` that it is."""
    _refuse("model_id", users_of_model(model))


def check_route(route: Route) -> None:
    """Raises InUse where a project names the route."""
    _refuse("name", users_of_route(route))


def targets_of(route: Route) -> set[str]:
    """The models of a route, fallbacks included, as "provider/model"."""
    return {str(target.get("model")) for target in [*route.targets, *route.fallbacks] if isinstance(target, dict)}


def providers_of(route: Route) -> set[str]:
    """The providers that a route names."""
    return {name.partition("/")[0] for name in targets_of(route)}


def _own_ids(provider_id: str, model_ids: list[str]) -> set[str]:
    """Of these model ids those that no other provider has: the bare id then means this provider's model."""
    others = ProviderModel.objects.filter(model_id__in=model_ids).exclude(provider_id=provider_id)
    return set(model_ids) - set(others.values_list("model_id", flat=True)) - {"*"}


def _reached_by_star(star: ProviderModel) -> set[str]:
    named = {f"{star.provider_id}/{model_id}" for model_id in star.provider.models.values_list("model_id", flat=True)}
    every = {name for route in Route.objects.all() for name in targets_of(route)}
    return {name for name in every if name.startswith(f"{star.provider_id}/") and name not in named}


def _with_projects(users: set[str], names: Collection[str]) -> list[str]:
    return sorted(users.union(*(user(names) for user in _users)))


def _refuse(field: str, found: list[str]) -> None:
    if found:
        raise InUse({field: [f"It is still used by {', '.join(found)}."]})
