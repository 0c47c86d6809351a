"""The examples of callers of OpenAI's older completions."""

from __future__ import annotations

from typing import Any, Final

from tests.llm.dialects import feature_example as held
from tests.llm.dialects.feature_example import Body, Examples, always

PLAIN: Final[Body] = {"prompt": "Hello"}


def say(**fields: Any) -> Body:
    return {**PLAIN, **fields}


EXAMPLES: Final[Examples] = {
    "stop": always(say(stop=held.STOPS), held.sampling("stop")),
    "stop_above_5": always(say(stop=held.MANY_STOPS), held.sampling("stop")),
    "stop_white_space": always(say(stop="\n\n"), held.sampling("stop")),
    "seed": always(say(seed=7), held.sampling("seed")),
    "n": always(say(n=2), held.sampling("n")),
    "logit_bias": always(say(logit_bias={"5": 1}), held.sampling("logit_bias")),
    "presence_penalty": always(say(presence_penalty=0.5), held.sampling("presence_penalty")),
    "frequency_penalty": always(say(frequency_penalty=0.5), held.sampling("frequency_penalty")),
    "temperature": always(say(temperature=0.5), held.sampling("temperature")),
    "temperature_above_1": always(say(temperature=1.5), held.sampling("temperature")),
    "top_p": always(say(top_p=0.5), held.sampling("top_p")),
    "top_k": always(say(top_k=5), held.sampling("top_k")),
    "max_tokens": always(say(max_tokens=50), held.sampling("max_tokens")),
    "user": always(say(user="u-1"), lambda said: said.user),
    "prompt_forms": always(say(suffix="The end."), named="suffix"),
    "no_word_elsewhere": always(say(guided_regex="a+"), named="guided_regex"),
}
