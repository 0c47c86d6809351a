"""Images as an address or inside the body."""

from __future__ import annotations

from llm.dialects.neutral import Image


def image_of_url(url: str) -> Image | None:
    """None for what is neither an http(s) address nor a base64 data URL (RFC 2397)."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() in ("http", "https"):
        return Image(url=url)
    head, comma, data = rest.partition(",")
    media_type, *parameters = head.split(";")
    if scheme.lower() != "data" or not comma or not data or "base64" not in parameters or not media_type:
        return None
    return Image(media_type=media_type.lower(), data=data)


def url_of_image(image: Image) -> str:
    return image.url or f"data:{image.media_type};base64,{image.data}"
