"""Callers: projects, project keys, user tokens."""
