"""Bytes to and from a provider over HTTP: one protocol (`base.Transport`), two implementations.

    lean      our own pool (`lean`); the default
    aiohttp   over aiohttp's client: for a provider that lean does not get on with, and the oracle of lean's tests

`choice.ChosenTransport` takes for each call the one that its provider's `Connection.transport` names.
"""
