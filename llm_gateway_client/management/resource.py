"""What all resources stand on: one object, a list page by page, and the blocking twins of methods."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import httpx2

from llm_gateway_client import loop_thread, told
from llm_gateway_client.management import errors
from llm_gateway_client.management.errors import NotFound
from llm_gateway_client.management.open_shape import OpenShape, Tracked, Unfit
from llm_gateway_client.management.wire import Asked, Parts, Wire, json_of

LARGEST_PAGE = 200
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S", bound=OpenShape)


def twin(method: Callable[Concatenate[R, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[R, P], T]:
    """The same method for callers that do not await: `create_sync = twin(create)`."""

    @functools.wraps(method)
    def blocking(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return loop_thread.run(method(self, *args, **kwargs))

    return blocking


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """`count` is that of the whole list; `number` begins at 1."""

    number: int
    count: int
    results: list[S]
    is_last: bool


class Pages(Generic[S]):
    """A list of the gateway's: `async for one in pages`, or `for one in pages` where nothing awaits. Pages are asked
    for as they are wanted, at each iteration anew."""

    def __init__(self, wire: Wire, shape: type[S], asked: Asked) -> None:
        self._wire = wire
        self._shape = shape
        self._asked = asked

    async def page(self, number: int = 1) -> Page[S]:
        """NotFound behind the last one."""
        query = {"page_size": LARGEST_PAGE, **self._asked.query, "page": number}
        asked = Asked(self._asked.operation, parts=self._asked.parts, query=query)
        response = await self._wire.send(asked)
        body = told.obj(json_of(response))
        if not isinstance(body.get("results"), list):
            raise errors.unexpected("The answer is no list of the gateway's.", response.status_code)
        results = [_shaped(self._shape, item, response) for item in body["results"]]
        return Page(number, told.count(body.get("count")), results, is_last=not body.get("next"))

    async def collect(self) -> list[S]:
        """All of them."""
        return [item async for item in self]

    def __aiter__(self) -> AsyncIterator[S]:
        return self._items()

    def __iter__(self) -> Iterator[S]:
        return loop_thread.iterate(self._items())

    async def _items(self) -> AsyncGenerator[S, None]:
        number, is_last = 1, False
        while not is_last:
            try:
                page = await self.page(number)
            except NotFound:
                if number == 1:
                    raise
                return  # what there was left has been deleted meanwhile
            for item in page.results:
                yield item
            number, is_last = number + 1, page.is_last

    page_sync = twin(page)
    collect_sync = twin(collect)


class Resource:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def _one(self, shape: type[S], asked: Asked) -> S:
        response = await self._wire.send(asked)
        found = _shaped(shape, json_of(response), response)
        if isinstance(found, Tracked):
            found.etag = response.headers.get("etag", "")
        return found

    async def _done(self, asked: Asked) -> None:
        """For what answers with nothing."""
        await self._wire.send(asked)

    async def _text(self, asked: Asked) -> str:
        return (await self._wire.send(asked)).text

    def _pages(self, shape: type[S], operation: str, query: Mapping[str, Any], **parts: str) -> Pages[S]:
        return Pages(self._wire, shape, Asked(operation, parts=parts, query=query))

    async def _get(self, shape: type[S], operation: str, parts: Parts, **query: Any) -> S:
        return await self._one(shape, Asked(operation, parts=parts, query=query))


def _shaped(shape: type[S], given: object, response: httpx2.Response) -> S:
    try:
        return shape.read(given)
    except Unfit:
        raise errors.unexpected("The answer is no object of the gateway's.", response.status_code) from None
