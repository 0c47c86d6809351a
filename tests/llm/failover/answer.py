"""What a healthy provider answers in these tests: sixty words, a token each. Forty of them are less than 200
characters, fifty are more."""

from __future__ import annotations

from tests.support.upstream_answers import Reply, Tokens

ANSWER = (
    "We ask the one at the top and if it can not say a word we go on to the next in the row so that all who ask us "
    "have it whole in the end and nobody ever has to mistake a broken sentence for a complete answer, wait without end "
    "for silence, or pay for it all unaware"
)
WORDS = ANSWER.split()
WHOLE = Reply(ANSWER, tokens=Tokens(input=21, output=len(WORDS)))
