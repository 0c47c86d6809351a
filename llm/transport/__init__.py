"""Bytes to and from a provider over HTTP: one protocol (`base.Transport`), one implementation a file."""
