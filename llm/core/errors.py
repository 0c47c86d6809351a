"""What may be wrong with a configuration."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A configuration cannot be read or applied. The message names the field by its path and shows no secret."""
