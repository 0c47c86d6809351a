"""A person at a browser: what they see, and what would trouble them (errors, foreign hosts, sideways scrolling)."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

from tests.support.gateway import PASSWORD, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

SIZE = {"width": 1280, "height": 800}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
_SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"
# What is wider than its box; the boxes of code scroll by themselves.
_CLIPPED = """[...document.querySelectorAll(".gw-card, .gw-tile p, .gw-tile h2, .gw-table td, .gw-table th")]
    .filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1)
    .map((box) => box.textContent.trim().slice(0, 40))"""
# Texts that are hard to read: WCAG 2.1, 1.4.3 (4.5 to 1, large ones 3 to 1; unfold's own green labels have 4.49). What
# is disabled may be pale.
_PALE = """() => {
    const LEFT_OUT = ":disabled, option, script, .material-symbols-outlined";
    const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        paint.clearRect(0, 0, 1, 1);
        paint.fillStyle = colour;
        paint.fillRect(0, 0, 1, 1);
        return [...paint.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
    };
    const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3]));
    const ground = (element) => {
        const own = rgba(getComputedStyle(element).backgroundColor);
        if (own[3] === 1) return own;
        return over(own, element.parentElement ? ground(element.parentElement) : [1, 1, 1]);
    };
    const light = (colour) => [0.2126, 0.7152, 0.0722].reduce((sum, share, n) => {
        const part = colour[n];
        return sum + share * (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    }, 0);
    const pale = [];
    const texts = document.createTreeWalker(document.querySelector("#content-main"), NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
        if (!text || !element.checkVisibility() || element.closest(LEFT_OUT)) continue;
        const style = getComputedStyle(element), behind = ground(element);
        const pair = [light(over(rgba(style.color), behind)), light(behind)].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05), size = parseFloat(style.fontSize);
        const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.4;
        if (ratio < wanted) pale.push(`${text.slice(0, 40)} (${ratio.toFixed(1)})`);
    }
    return pale;
}"""
# How many pixels each chart has painted.
_PAINTED = """[...document.querySelectorAll("canvas.chart")].map((chart) => {
    const copy = new OffscreenCanvas(chart.width, chart.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(chart, 0, 0);
    return copy.getImageData(0, 0, chart.width, chart.height).data.filter((part, n) => n % 4 === 3 && part).length;
})"""


class Visitor:
    """`trouble` grows with all that no page should do; a test ends with `assert visitor.trouble == []`."""

    def __init__(self, browser: Browser, url: str, *, scheme: Any = "light") -> None:
        self.url = url
        self.trouble: list[str] = []
        self.context = browser.new_context(viewport=SIZE, color_scheme=scheme)
        self.context.set_default_timeout(10_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda told: self._say(told.text) if told.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self._say(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._requested)

    def log_in(self) -> None:
        self.go("/admin/")
        self.page.get_by_label("Username").fill("admin")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.looked()

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.looked()

    def click(self, name: str, *, role: Any = "link") -> None:
        """To another page."""
        # The names of icons stand before the words, as text.
        self.page.get_by_role(role, name=re.compile(rf"(^|\s){re.escape(name)}$")).first.click()
        self.looked()

    def looked(self) -> None:
        """Waits for the page to be there whole, and looks whether it fits."""
        self.page.wait_for_load_state("networkidle")
        if self.page.evaluate(_SIDEWAYS):
            self._say(f"{self.page.url} scrolls sideways")

    def read(self) -> None:
        """One of our own pages, from top to bottom."""
        self.trouble += [f"{self.page.url}: clipped: {text}" for text in self.page.evaluate(_CLIPPED)]
        self.trouble += [f"{self.page.url}: pale: {text}" for text in self.page.evaluate(_PALE)]

    def painted(self) -> list[int]:
        return list(self.page.evaluate(_PAINTED))

    def text(self) -> str:
        """All that is on the page, as it is read."""
        return " ".join(self.page.locator("body").inner_text().split())

    def lines(self, head: str) -> list[list[str]]:
        """The cells of the table under that head, line by line."""
        rows: Locator = self.page.get_by_role("region", name=head).locator("tbody tr")
        return [[cell.strip() for cell in row.locator("th, td").all_text_contents()] for row in rows.all()]

    def code(self, head: str) -> str:
        """What stands in the box of code under that head."""
        return self.page.get_by_role("region", name=head).locator("pre").text_content() or ""

    def picture(self, name: str, *, down_to: str = "") -> None:
        """For the docs, where they are wanted: LLM_GATEWAY_TEST_SCREENSHOTS names a folder below the repository's.
        From the top of the page to its end, or to that of what `down_to` selects."""
        folder = os.environ.get("LLM_GATEWAY_TEST_SCREENSHOTS", "")
        if not folder:
            return
        self.page.mouse.move(0, 0)
        self.page.evaluate("scrollTo(0, 0)")
        last = self.page.locator(down_to or "body").first
        bottom = math.ceil(last.evaluate("(box) => box.getBoundingClientRect().bottom"))
        self.page.set_viewport_size({**SIZE, "height": bottom + 12 if down_to else bottom})
        self.page.wait_for_load_state("networkidle")
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ROOT / folder / f"{name}.png")
        self.page.set_viewport_size(SIZE)

    def _say(self, text: str) -> None:
        self.trouble.append(text)

    def _failed(self, request: Any) -> None:
        # Chromium says "aborted" now and then of a stream that the page has read to its end.
        if request.failure != "net::ERR_ABORTED":
            self._say(f"{request.url}: {request.failure}")

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((self.url + "/", "data:", "blob:")):
            self._say(f"asked another host: {request.url}")
