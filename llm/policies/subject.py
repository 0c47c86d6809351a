"""What has a state of its own: a provider, a model, one value of a key. And what is told of a change of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from llm.observe.health_event import Category, Cause, State, SubjectKind
from llm.policies.plan import Candidate

ANY: Final = "*"  # a fingerprint: whatever the key's value is


class Subject(NamedTuple):
    """`name` is "openai", "openai/gpt-4o" or, of a key, "openai/KEY_ID"; `fingerprint` tells a key's values apart."""

    kind: SubjectKind
    name: str
    fingerprint: str = ""

    @property
    def words(self) -> str:
        """As callers and operators read it: of a key its id."""
        name = self.name.partition("/")[2] if self.kind == "key" else self.name
        return f"{self.kind} {name}"


def subjects_of(candidate: Candidate) -> tuple[Subject, ...]:
    """Its provider and its model; then, where it has a key, the key's value, and the key whatever its value is."""
    provider = candidate.upstream.provider_id
    found = (Subject("provider", provider), Subject("model", candidate.name))
    if candidate.key is None:
        return found
    name = f"{provider}/{candidate.key.key_id}"
    return (*found, Subject("key", name, candidate.key.fingerprint), Subject("key", name, ANY))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands, for people. `since`, `until` in seconds since 1970 (`until` 0: no end is known)."""

    kind: SubjectKind
    name: str
    state: State
    category: Category
    since: float
    until: float
    failures: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state in this process, at `at` (seconds since 1970, later than the one before it, whoever made that).
    `told`: is it news for the events, too?"""

    subject: Subject
    old: State
    new: State
    at: float
    until: float
    category: Category
    failures: int
    level: int = 0  # as of the breaker, like `relapses`
    relapses: int = 0
    cause: Cause = "calls"
    told: bool = True


class Share(Protocol):
    """The other processes. Neither `publish` nor `release` waits; `claim` a moment at most, and where it gets no answer
    it is True. `claim`: is there no probe of this subject in any other process? For `seconds`, or until `release`."""

    def publish(self, change: Change) -> None: ...

    async def claim(self, subject: Subject, seconds: float) -> bool: ...

    def release(self, subject: Subject) -> None: ...
