"""Errors of the configuration as a whole."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A configuration file cannot be applied. The message names the field by its path and shows no secret."""
