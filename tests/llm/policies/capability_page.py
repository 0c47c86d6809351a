"""The page docs/capabilities.md, made of the table of capabilities."""

from __future__ import annotations

from typing import Final

from llm.capabilities import WORDS
from llm.policies.capability import RULES, Rule
from llm.spec import Dialect

CALLERS: Final[tuple[Dialect, ...]] = ("openai_chat", "openai_responses", "anthropic_messages")

HEAD: Final = """# What a model cannot do

A model's `capabilities` (in the admin, by REST or in the YAML file) say what it can do. This page is made of
`llm/policies/capability.py`.

- A model that declares nothing, or only words that do not stand here, is not judged: its provider decides.
- A model that declares any of these words is taken at its word: what it does not declare, it cannot do. `text` (also
  `chat`, `completion`) declares a model that can do nothing else of these.
- *refused*: such a model is passed over for the next one of the route. Where none is left the caller gets a 400 that
  names the field and the capability.
- *dropped*: the field is left out for this model, and named in the answer's header `x-gateway-dropped`.

A field with an empty list, null, or a form of the answer that is text asks for nothing. A model with `vision` is taken
to read documents too, and a document of plain text is text. Surfaces that are relayed (embeddings, images, count_tokens
...) are not judged.

"""


def page() -> str:
    head = ["capability", "also called", "what", "without it", *(f"asked for by, in `{one}`" for one in CALLERS)]
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    rows += [f"| {' | '.join(_row(rule))} |" for rule in RULES]
    return HEAD + "\n".join(rows) + "\n"


def _row(rule: Rule) -> list[str]:
    others = [word for word, meant in WORDS.items() if meant == rule.capability and word != meant]
    asking = [_code(rule.fields.get(one, ())) for one in CALLERS]
    return [f"`{rule.capability}`", _code(others), rule.what, rule.how, *asking]


def _code(words: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    print(page(), end="")
