"""What the fake upstream answers on the surfaces beside conversations, where nothing is scripted."""

from __future__ import annotations

from tests.support import upstream_answers as answers
from tests.support.upstream_behaviours import SSE, Behaviour, answer, pieces
from tests.support.upstream_wire import Received

SOUND = (b"ID3\x00first", b"\xff\xfbsecond", b"\xff\xfbthird")
VECTOR = [0.6, -0.8]
PACKED = "mpkZP83MTL8="  # the same as 32-bit floats

_USAGE = {"prompt_tokens": 3, "total_tokens": 3}
_JSON = {
    "/v1/embeddings": {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": VECTOR}],
        "model": "told",
        "usage": _USAGE,
    },
    "/v1/moderations": {
        "id": "modr-1",
        "model": "told",
        "results": [{"flagged": True, "categories": {}, "category_scores": {}}],
    },
    "/v1/rerank": {"results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 9}},
    "/v1/images/generations": {
        "created": 1,
        "data": [{"b64_json": "AAAA"}],
        "usage": {"input_tokens": 4, "output_tokens": 50, "total_tokens": 54},
    },
    "/v1/audio/transcriptions": {"text": "heard", "usage": {"type": "duration", "seconds": 2}},
    "/v1/audio/translations": {"text": "heard"},
}
_COMPLETION = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "told"}


def default(request: Received) -> Behaviour | None:
    """None where the request is to no such surface."""
    if request.method != "POST":
        return None
    if request.path.endswith(":batchEmbedContents"):
        texts = request.json["requests"]
        return answer(json_body={"embeddings": [{"values": VECTOR} for _ in texts]})
    if request.path == "/v1/completions":
        return _completion(request)
    if request.path == "/v1/audio/speech":
        return pieces(SOUND, content_type="audio/mpeg")
    if request.path == "/v1/embeddings" and request.json.get("encoding_format") == "base64":
        return answer(json_body={**_JSON[request.path], "data": [{"index": 0, "embedding": PACKED}]})
    found = _JSON.get(request.path)
    return None if found is None else answer(json_body=found)


def _completion(request: Received) -> Behaviour:
    usage = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    if not request.stream:
        return answer(json_body={**_COMPLETION, "choices": [_choice("one two", "stop")], "usage": usage})
    chunks = [{"choices": [_choice("one ")]}, {"choices": [_choice("two", "stop")]}, {"choices": [], "usage": usage}]
    events = [b"data: " + answers.compact({**_COMPLETION, **chunk}) + b"\n\n" for chunk in chunks]
    return pieces([*events, b"data: [DONE]\n\n"], content_type=SSE)


def _choice(text: str, finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
