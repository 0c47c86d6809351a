"""Writes of providers, models, keys, parameters and routes: keyword-only, each in one change set.

Bad input raises ValidationError({field: [messages]}), with paths for nested objects (`models.0.model_id`);
audit.errors.Duplicate and InUse are its forms for 409.
"""

from providers.services.key import create_key, delete_key, update_key
from providers.services.key_rotation import rotate_key
from providers.services.model import create_model, delete_model, update_model
from providers.services.parameter import delete_parameter, set_parameter, update_parameter
from providers.services.price import accept_prices, dismiss_prices, refresh_prices
from providers.services.provider import create_provider, delete_provider, update_provider
from providers.services.route import create_route, delete_route, update_route

__all__ = [
    "accept_prices",
    "create_key",
    "create_model",
    "create_provider",
    "create_route",
    "delete_key",
    "delete_model",
    "delete_parameter",
    "delete_provider",
    "delete_route",
    "dismiss_prices",
    "refresh_prices",
    "rotate_key",
    "set_parameter",
    "update_key",
    "update_model",
    "update_parameter",
    "update_provider",
    "update_route",
]
