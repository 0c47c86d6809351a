"""What the two providers of a scenario cost, in nano-USD for a million tokens: whole figures for each token."""

from __future__ import annotations

from llm.prices import MILLION, Price, Rates
from tests.llm.failover.answer import WHOLE

PRIMARY = Price(rates=Rates(input=7 * MILLION, output=70 * MILLION))
SPARE = Price(rates=Rates(input=3 * MILLION, output=30 * MILLION))
SPARE_COST = 3 * WHOLE.tokens.input + 30 * WHOLE.tokens.output
