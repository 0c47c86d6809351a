"""Answers as bytes, right and wrong ones, and what a caller is to see of each: `status body, kept` or `error, closed`.

`kept`: the connection serves the next request. RFC 9112 says what is right; where it leaves a choice the safe one is.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import Final

from tests.support.raw_answers import Ending

HI: Final = "200 hi, kept"
HI_CLOSED: Final = "200 hi, closed"
NO_HTTP: Final = "UpstreamMalformed, closed"
CUT: Final = "UpstreamUnreachable, closed"
BAD: Final = "UpstreamMalformed, *"
"""What cannot be unpacked may be noticed before the answer's end or with it: the connection is closed, or is whole."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    raw: bytes
    expect: str
    ending: Ending = "keep"


def head(*lines: str, first: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def sized(body: bytes, *lines: str, first: str = "HTTP/1.1 200 OK") -> bytes:
    return head(*lines, f"content-length: {len(body)}", first=first) + body


def chunked(
    *chunks: bytes,
    extension: bytes = b"",
    trailers: bytes = b"",
    lines: tuple[str, ...] = (),
    first: str = "HTTP/1.1 200 OK",
) -> bytes:
    sent = [b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    return head("transfer-encoding: chunked", *lines, first=first) + b"".join(sent) + b"0\r\n" + trailers + b"\r\n"


def packed(body: bytes, encoding: str = "gzip") -> bytes:
    return sized(body, f"content-encoding: {encoding}")


GZIP: Final = gzip.compress(b"hi", mtime=0)
KEEP: Final = ("connection: keep-alive",)
RAW_DEFLATE: Final = zlib.compress(b"hi")[2:-4]

CHUNKS: Final = head("transfer-encoding: chunked")

FRAMINGS: Final = (
    Case("length", sized(b"hi"), HI),
    Case("length zero", sized(b""), "200, kept"),
    Case("length, then the end", sized(b"hi"), HI_CLOSED, "close"),
    Case("length, then a reset", sized(b"hi"), HI_CLOSED, "reset"),
    Case("length with blanks", head("content-length: \t2  ") + b"hi", HI),
    Case("length with leading zeros", head("content-length: 0002") + b"hi", HI),
    Case("length, cut", sized(b"hi")[:-1], CUT, "close"),
    Case("length, reset", sized(b"hi")[:-1], CUT, "reset"),
    Case("no reason", sized(b"hi", first="HTTP/1.1 200"), HI),
    Case("an error's status", sized(b"hi", first="HTTP/1.1 503 Busy"), "503 hi, kept"),
    Case("a status of nobody's", sized(b"hi", first="HTTP/1.1 799 What"), "799 hi, kept"),
    Case("empty header", sized(b"hi", "x-empty:"), HI),
    Case("bytes of latin-1 in a header", sized(b"hi", "x-name: caf\xe9"), HI),
    Case("says close", sized(b"hi", "connection: close"), HI_CLOSED),
    Case("says close among others", sized(b"hi", "connection: x-a, Close"), HI_CLOSED),
    Case("says keep-alive", sized(b"hi", "connection: keep-alive", "keep-alive: timeout=5, max=100"), HI),
    Case("says how long it keeps", sized(b"hi", "keep-alive: timeout=x, timeout=, max=1, timeout=99999999999"), HI),
    Case("says that it hardly keeps", sized(b"hi", "keep-alive: timeout=1"), HI_CLOSED),
    Case("a header twice", sized(b"hi", "x-a: 1", "X-A: 2"), HI),
    Case("blanks round a value", sized(b"hi", "x-a: \t b c\t "), HI),
    Case("an empty line behind", sized(b"hi") + b"\r\n", "200 hi, *"),
    Case("1.0", sized(b"hi", first="HTTP/1.0 200 OK"), HI_CLOSED),
    Case("1.0, kept", sized(b"hi", "connection: keep-alive", first="HTTP/1.0 200 OK"), HI),
    Case("1.0 to the end", head(first="HTTP/1.0 200 OK") + b"hi", HI_CLOSED, "close"),
    Case("to the end", head() + b"hi", HI_CLOSED, "close"),
    Case("to the end, empty", head(), "200, closed", "close"),
    Case("to a reset", head() + b"hi", CUT, "reset"),
    Case("chunked", chunked(b"h", b"i"), HI),
    Case("chunked, empty", chunked(), "200, kept"),
    Case("chunked, then the end", chunked(b"hi"), HI_CLOSED, "close"),
    Case("chunked and close", chunked(b"hi", lines=("connection: close",)), HI_CLOSED),
    Case("chunked with extensions", chunked(b"h", b"i", extension=b';a=b;c="d"'), HI),
    Case("chunked with trailers", chunked(b"hi", trailers=b"x-sum: 1\r\nx-more: 2\r\n"), HI),
    Case("chunked in other letters", head("Transfer-Encoding: CHUNKED") + b"2\r\nhi\r\n0\r\n\r\n", HI),
    Case("chunk size in other letters", CHUNKS + b"00A\r\n0123456789\r\n0\r\n\r\n", "200 0123456789, kept"),
    Case("chunked, cut in a chunk", chunked(b"hi")[:-8], CUT, "close"),
    Case("chunked, cut before the last chunk", chunked(b"hi")[:-5], CUT, "close"),
    Case("chunked, cut in the last line", chunked(b"hi")[:-2], CUT, "close"),
    Case("204", head(first="HTTP/1.1 204 No Content"), "204, kept"),
    Case("204 with a length", head("content-length: 0", first="HTTP/1.1 204 No Content"), "204, kept"),
    Case("304 with a length", head("content-length: 5", first="HTTP/1.1 304 Not Modified"), "304, kept"),
    Case("100 before", head(first="HTTP/1.1 100 Continue") + sized(b"hi"), HI),
    Case("103 before, twice", head("link: </a>", first="HTTP/1.1 103 Early Hints") * 2 + chunked(b"hi"), HI),
    Case("100 before, to the end", head(first="HTTP/1.1 100 Continue") + head() + b"hi", HI_CLOSED, "close"),
    Case(
        "103 with encoding before", head("content-encoding: gzip", first="HTTP/1.1 103 Early Hints") + sized(b"hi"), HI
    ),
    Case("empty lines before", b"\r\n\r\n" + sized(b"hi"), HI),
    Case("gzip", packed(GZIP), HI),
    Case("x-gzip", packed(GZIP, "X-GZip"), HI),
    Case("gzip in chunks", chunked(GZIP[:5], GZIP[5:], lines=("content-encoding: gzip",)), HI),
    Case("gzip to the end", head("content-encoding: gzip") + GZIP, HI_CLOSED, "close"),
    Case("gzip of several members", packed(gzip.compress(b"h", mtime=0) + gzip.compress(b"i", mtime=0)), HI),
    Case("gzip of nothing", packed(gzip.compress(b"", mtime=0)), "200, kept"),
    Case("gzip, no byte of it", packed(b""), "200, kept"),
    Case("deflate", packed(zlib.compress(b"hi"), "deflate"), HI),
    Case("deflate without an envelope", packed(RAW_DEFLATE, "deflate"), HI),
    Case("identity", packed(b"hi", "identity"), HI),
)

HOSTILE: Final = (
    Case("gzip, cut", packed(GZIP[:-9]), BAD),
    Case("gzip, its sum cut", packed(GZIP[:-3]), BAD),
    Case("gzip, a wrong sum", packed(GZIP[:-8] + b"\1" * 8), BAD),
    Case("gzip, garbage behind", packed(GZIP + b"garbage"), BAD),
    Case("gzip that is none", packed(b"this is no gzip"), BAD),
    Case("deflate that is none", packed(b"\xff\xff\xff\xff", "deflate"), BAD),
    Case("an encoding nobody knows", packed(b"hi", "rot13"), BAD),
    Case("an encoding that was not asked for", packed(b"hi", "br"), BAD),
    Case("packed twice", packed(gzip.compress(GZIP, mtime=0), "gzip, gzip"), BAD),
    Case(
        "length and chunked", head("content-length: 2", "transfer-encoding: chunked") + b"2\r\nhi\r\n0\r\n\r\n", NO_HTTP
    ),
    Case(
        "chunked and length", head("transfer-encoding: chunked", "content-length: 2") + b"2\r\nhi\r\n0\r\n\r\n", NO_HTTP
    ),
    Case("two lengths", head("content-length: 2", "content-length: 3") + b"hi!", NO_HTTP),
    Case("a length twice", head("content-length: 2", "content-length: 2") + b"hi", NO_HTTP),
    Case("a list of lengths", head("content-length: 2, 2") + b"hi", NO_HTTP),
    Case("no length in it", head("content-length:") + b"hi", NO_HTTP),
    Case("a negative length", head("content-length: -2") + b"hi", NO_HTTP),
    Case("a length with a sign", head("content-length: +2") + b"hi", NO_HTTP),
    Case("a length in hex", head("content-length: 0x2") + b"hi", NO_HTTP),
    Case("a length beyond 64 bits", head("content-length: 99999999999999999999") + b"hi", NO_HTTP),
    Case("transfer-encoding gzip", head("transfer-encoding: gzip") + GZIP, NO_HTTP, "close"),
    Case(
        "transfer-encoding gzip, chunked", head("transfer-encoding: gzip, chunked") + b"2\r\nhi\r\n0\r\n\r\n", NO_HTTP
    ),
    Case("transfer-encoding identity", head("transfer-encoding: identity") + b"hi", NO_HTTP, "close"),
    Case("transfer-encoding of control bytes", head("transfer-encoding: \x0bchunked") + b"0\r\n\r\n", NO_HTTP),
    Case("chunked twice", head("transfer-encoding: chunked", "transfer-encoding: chunked") + b"0\r\n\r\n", NO_HTTP),
    Case("chunked by 1.0", chunked(b"hi", first="HTTP/1.0 200 OK"), HI_CLOSED),
    Case("chunked by 1.0, kept", chunked(b"hi", lines=KEEP, first="HTTP/1.0 200 OK"), HI_CLOSED),
    Case("a length in the trailers", chunked(b"hi", trailers=b"content-length: 9\r\n"), NO_HTTP),
    Case("204 with a body", sized(b"hi", first="HTTP/1.1 204 No Content"), "204, closed"),
    Case("205 with a body", sized(b"hi", first="HTTP/1.1 205 Reset"), "205 hi, kept"),
    Case("304 with a body", sized(b"hi", first="HTTP/1.1 304 Not Modified"), "304, closed"),
    Case("103 with a length", head("content-length: 2", first="HTTP/1.1 103 Hints") + b"hi" + sized(b"hi"), NO_HTTP),
    Case("packed twice by two headers", packed(gzip.compress(GZIP, mtime=0), "gzip\r\ncontent-encoding: gzip"), BAD),
    Case("a length of 64 bits", head("content-length: 18446744073709551615") + b"hi", CUT, "close"),
    Case("a chunk size of 64 bits", CHUNKS + b"f" * 16 + b"\r\nhi", CUT, "close"),
    Case("a chunk size that is none", CHUNKS + b"zz\r\nhi\r\n0\r\n\r\n", NO_HTTP),
    Case("a negative chunk size", CHUNKS + b"-2\r\nhi\r\n0\r\n\r\n", NO_HTTP),
    Case("a chunk size with 0x", CHUNKS + b"0x2\r\nhi\r\n0\r\n\r\n", NO_HTTP),
    Case("a huge chunk size", CHUNKS + b"f" * 17 + b"\r\nhi\r\n", NO_HTTP),
    Case("a chunk longer than said", CHUNKS + b"2\r\nhigh\r\n0\r\n\r\n", NO_HTTP),
    Case("no chunk size", CHUNKS + b"\r\n\r\n", NO_HTTP),
    Case("a blank before a chunk's end", CHUNKS + b"2 \r\nhi\r\n0\r\n\r\n", NO_HTTP),
    Case("chunks by bare LF", CHUNKS + b"2\nhi\n0\n\n", NO_HTTP),
    Case("a head by bare LF", b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi", NO_HTTP),
    Case("a head by bare CR", b"HTTP/1.1 200 OK\rcontent-length: 2\r\rhi", NO_HTTP, "close"),
    Case("a NUL in a header", sized(b"hi", "x-a: b\0c"), NO_HTTP),
    Case("a control byte in a header", sized(b"hi", "x-a: b\x01c"), NO_HTTP),
    Case("a blank in a header's name", sized(b"hi", "x a: b"), NO_HTTP),
    Case("a blank before the colon", head("content-length : 2") + b"hi", NO_HTTP),
    Case("a header without a colon", sized(b"hi", "x-a"), NO_HTTP),
    Case("a header without a name", sized(b"hi", ": b"), NO_HTTP),
    Case("a folded header", sized(b"hi", "x-a: b\r\n c"), NO_HTTP),
    Case("a folded length", head("content-length:\r\n 2") + b"hi", NO_HTTP),
    Case("a header too long", sized(b"hi", "x-a: " + "b" * 20_000), NO_HTTP),
    Case("a name too long", sized(b"hi", "x" * 20_000 + ": b"), NO_HTTP),
    Case("too many headers", sized(b"hi", *["x: y"] * 200), NO_HTTP),
    Case("an endless reason", b"HTTP/1.1 200 " + b"x" * 300_000, NO_HTTP),
    Case("an endless trailer", chunked(b"hi")[:-2] + b"x: " + b"y" * 300_000, NO_HTTP),
    Case("endless trailers", chunked(b"hi")[:-2] + b"x: y\r\n" * 60_000, NO_HTTP),
    Case("endless 1xx", head(first="HTTP/1.1 100 Continue") * 10_000, NO_HTTP),
    Case("an upgrade", head("upgrade: x", "connection: upgrade", first="HTTP/1.1 101 Switching Protocols"), NO_HTTP),
    Case("HTTP/2", b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18, NO_HTTP),
    Case("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO_HTTP),
    Case("HTTP/2 by name", sized(b"hi", first="HTTP/2.0 200 OK"), HI_CLOSED),
    Case("HTTP/0.9", sized(b"hi", first="HTTP/0.9 200 OK"), HI_CLOSED),
    Case("a request", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", NO_HTTP),
    Case("HTML", b"<html><body>no</body></html>", NO_HTTP, "close"),
    Case("garbage", bytes(range(1, 256)), NO_HTTP),
    Case("a status of two digits", sized(b"hi", first="HTTP/1.1 20 OK"), NO_HTTP),
    Case("a status of four digits", sized(b"hi", first="HTTP/1.1 2000 OK"), NO_HTTP),
    Case("status zero", sized(b"hi", first="HTTP/1.1 000 OK"), NO_HTTP),
    Case("a second answer", sized(b"hi") + sized(b"evil"), HI_CLOSED),
    Case("a second answer after chunks", chunked(b"hi") + sized(b"evil"), HI_CLOSED),
    Case("a begun second answer", sized(b"hi") + b"HTTP/1.1", HI_CLOSED),
    Case("garbage behind", sized(b"hi") + b"xyz", HI_CLOSED),
    Case("no answer", b"", CUT, "close"),
    Case("no answer, reset", b"", CUT, "reset"),
    Case("a head, cut", sized(b"hi")[:-6], CUT, "close"),
    Case("a head, reset", sized(b"hi")[:-6], CUT, "reset"),
    Case("only 100", head(first="HTTP/1.1 100 Continue"), CUT, "close"),
)
