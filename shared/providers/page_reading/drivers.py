"""One page in a Chromium that already runs, by Playwright, Selenium or Crawl4AI; a process of its own.

Started by path with an order as JSON on standard input (`method`, `url`, `endpoint`, `css`, `text`, `seconds`, `agent`,
`chromedriver`); answers with JSON on standard output. It has no secret in its environment and imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

SHOWN = """() => ({
    url: location.href,
    status: (performance.getEntriesByType('navigation')[0] || {}).responseStatus || 0,
    content_type: document.contentType,
    html: document.documentElement ? document.documentElement.outerHTML : '',
})"""


def ready_test(order: dict[str, Any]) -> str:
    """A JavaScript expression: true once what the recipe waits for is there."""
    css, text = json.dumps(order["css"]), json.dumps(order["text"])
    tests = []
    if order["css"]:
        tests.append(f"document.querySelector({css}) !== null")
    if order["text"]:
        tests.append(f"(document.body ? document.body.innerText : '').includes({text})")
    return " || ".join(tests) or "document.readyState === 'complete'"


async def by_playwright(order: dict[str, Any]) -> dict[str, Any]:
    """The page as Playwright sees it."""
    from playwright.async_api import Error, async_playwright
    from playwright.async_api import TimeoutError as Late

    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(order["endpoint"])
        context = await browser.new_context(user_agent=order["agent"], accept_downloads=False)
        page = await context.new_page()
        try:
            await page.goto(order["url"], wait_until="domcontentloaded", timeout=order["seconds"] * 1000)
        except Error as error:
            return {"error": error.message.splitlines()[0]}
        with suppress(Late):  # the recipe tells what is missing
            await page.wait_for_function(f"() => {ready_test(order)}", timeout=order["patience"] * 1000)
        shown: dict[str, Any] = await page.evaluate(SHOWN)
        return shown


def by_selenium(order: dict[str, Any]) -> dict[str, Any]:
    """The page as Selenium sees it."""
    from selenium import webdriver
    from selenium.common.exceptions import TimeoutException, WebDriverException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.page_load_strategy = "eager"
    options.debugger_address = order["endpoint"].removeprefix("http://")
    driver = webdriver.Chrome(options=options, service=Service(executable_path=order["chromedriver"]))
    try:
        driver.set_page_load_timeout(order["seconds"])
        driver.get(order["url"])
        with suppress(TimeoutException):  # the recipe tells what is missing
            WebDriverWait(driver, order["patience"], poll_frequency=0.1).until(
                lambda it: it.execute_script(f"return {ready_test(order)}")
            )
        shown: dict[str, Any] = driver.execute_script(f"return ({SHOWN})()")
        return shown
    except WebDriverException as error:
        return {"error": (error.msg or "").splitlines()[0]}
    finally:
        driver.quit()


async def by_crawl4ai(order: dict[str, Any]) -> dict[str, Any]:
    """The page as Crawl4AI sees it."""
    from crawl4ai import AsyncWebCrawler, BrowserConfig, CacheMode, CrawlerRunConfig

    browser = BrowserConfig(
        cdp_url=order["endpoint"],
        create_isolated_context=True,  # in the shared context pages were closed under one another
        user_agent=order["agent"],
        ignore_https_errors=False,
        verbose=False,
    )
    run = CrawlerRunConfig(
        cache_mode=CacheMode.BYPASS,
        wait_for=f"js:() => {ready_test(order)}",
        wait_for_timeout=int(order["patience"] * 1000),
        page_timeout=int(order["seconds"] * 1000),
        verbose=False,
    )
    async with AsyncWebCrawler(config=browser) as crawler:
        result = await crawler.arun(order["url"], config=run)
    if not result.html:  # its own guess at a block does not count: walls are told by the gate
        return {"error": str(result.error_message).splitlines()[0]}
    headers = {name.lower(): value for name, value in (result.response_headers or {}).items()}
    return {
        "url": result.redirected_url or result.url,
        "status": result.status_code or 0,
        "content_type": str(headers.get("content-type", "text/html")).split(";")[0],
        "html": result.html,
    }


def main() -> None:
    """Carry out the order on standard input."""
    order = json.load(sys.stdin)
    answer = sys.stdout
    sys.stdout = sys.stderr  # libraries talk; the answer is alone on its channel
    if order["method"] == "selenium":
        shown = by_selenium(order)
    else:
        shown = asyncio.run({"playwright": by_playwright, "crawl4ai": by_crawl4ai}[order["method"]](order))
    json.dump(shown, answer)
    answer.flush()


if __name__ == "__main__":
    main()
