"""A Chromium for one visit: behind the filtering proxy, with bounded time, memory and bytes, gone by its pid afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from shared.errors import (
    ProviderBadAnswer,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from shared.http.client import RenderedPage
from shared.http.ssrf import AddressGuard, AddressRefused
from shared.providers.page_reading import Method
from shared.providers.page_reading.filtering_proxy import FilteringProxy

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome-stable")
DRIVERS: Final = Path(__file__).with_name("drivers.py")
START_SECONDS: Final = 45.0
WATCH_SECONDS: Final = 0.25
FLAGS: Final = (
    "--headless=new",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    # What the browser would ask its maker for by itself.
    "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--disable-client-side-phishing-detection",
    "--safebrowsing-disable-auto-update",
    "--metrics-recording-only",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # Pictures and fonts hold no rows.
    "--blink-settings=imagesEnabled=false",
    "--disable-remote-fonts",
    "--js-flags=--max-old-space-size=256",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-service-autorun",
    "--password-store=basic",
    # Without this loopback goes around the proxy; a name that the browser itself would look up does not resolve.
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-address=127.0.0.1",
    "--remote-debugging-port=0",
    "--renderer-process-limit=1",
)


@dataclass(frozen=True, slots=True)
class BrowserLimits:
    """What one visit may take."""

    seconds: float = 60.0
    patience_seconds: float = 10.0
    """How long scripts may take to show what is waited for."""
    memory_bytes: int = 1_000_000_000
    body_bytes: int = 25_000_000


class Browser:
    """Opens pages in Chromium, one process tree a visit and `slots` of them at a time."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        user_agent: str,
        program: str = "",
        limits: BrowserLimits | None = None,
        sandboxed: bool = True,
        slots: int = 1,
    ) -> None:
        self._guard, self._user_agent = guard, user_agent
        self._program, self._limits = program, limits or BrowserLimits()
        # Chromium refuses its own sandbox to root, and so does a container without user namespaces.
        self._sandboxed = sandboxed and os.geteuid() != 0
        self._slots = asyncio.Semaphore(slots)

    async def show(
        self, url: str, method: Method, waits_for: tuple[str | None, str | None], *, configured: bool
    ) -> RenderedPage:
        """The page after its scripts have run; a ProviderError or AddressRefused where it cannot be shown."""
        program = find_program(self._program)
        chromedriver = shutil.which("chromedriver") if method is Method.SELENIUM else ""
        if program is None or chromedriver is None:
            missing = "chromium" if program is None else "chromedriver"
            raise ProviderRejected(f"{missing} is not installed here", provider=method)
        order = {
            "method": method,
            "url": url,
            "css": waits_for[0],
            "text": waits_for[1],
            "seconds": self._limits.seconds,
            "patience": self._limits.patience_seconds,
            "agent": self._user_agent,
            "chromedriver": chromedriver,
        }
        async with self._slots:
            try:
                async with asyncio.timeout(self._limits.seconds):
                    answer = await self._visit(program, order, home=url if configured else None)
            except TimeoutError as error:
                raise ProviderTimeout("the browser did not show the page in time", provider=method) from error
        return _shown(answer, method)

    async def _visit(self, program: str, order: Mapping[str, Any], *, home: str | None) -> dict[str, Any]:
        method, cap = order["method"], self._limits.body_bytes
        with tempfile.TemporaryDirectory(prefix="ridgeline-browser-", ignore_cleanup_errors=True) as made:
            folder = Path(made)
            async with FilteringProxy(self._guard, home=home, byte_cap=cap) as proxy:
                command = [program, *self._flags(folder, proxy.port), "about:blank"]
                async with self._running(command, folder) as chromium:
                    endpoint = await _endpoint(folder, chromium)
                    driver = [sys.executable, "-I", str(DRIVERS)]
                    async with self._running(driver, folder, piped=True) as driving:
                        sent = orjson.dumps({**order, "endpoint": endpoint})
                        out, err = await driving.communicate(sent)
                if chromium.returncode is not None and chromium.returncode != -signal.SIGKILL:
                    raise ProviderUnavailable("the browser ended by itself", provider=method)
                if proxy.overflowed:
                    raise ProviderRejected("the page is larger than a page may be", provider=method)
                answer = _answer_of(out, err, method)
                if proxy.refused and _is_refusal(answer):
                    raise AddressRefused(f"the page leads where a fetch may not go: {proxy.refused[0]}")
                return answer

    def _flags(self, folder: Path, proxy_port: int) -> Sequence[str]:
        own = (
            f"--proxy-server=http://127.0.0.1:{proxy_port}",
            f"--user-agent={self._user_agent}",
            f"--user-data-dir={folder / 'profile'}",
        )
        return (*FLAGS, *own) if self._sandboxed else (*FLAGS, *own, "--no-sandbox")

    @asynccontextmanager
    async def _running(
        self, command: Sequence[str], folder: Path, *, piped: bool = False
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """A program in a process group of its own, watched while it runs and killed at the end."""
        pipe = asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=pipe, stdout=pipe, stderr=pipe,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )  # fmt: skip
        watch = asyncio.create_task(_keep_small(process.pid, self._limits.memory_bytes))
        try:
            yield process
        finally:
            watch.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await asyncio.gather(watch, return_exceptions=True)


def find_program(named: str = "") -> str | None:
    """Where Chromium is: as set, else the first found on this machine; None where there is none."""
    return shutil.which(named) if named else next(filter(None, map(shutil.which, PROGRAMS)), None)


async def _endpoint(folder: Path, chromium: asyncio.subprocess.Process) -> str:
    """The address Chromium listens on, which it writes into its profile."""
    file, waited = folder / "profile" / "DevToolsActivePort", 0.0
    while waited < START_SECONDS:
        if chromium.returncode is not None:
            raise ProviderUnavailable(f"the browser ended as it started (exit {chromium.returncode})")
        with suppress(FileNotFoundError, IndexError):
            return f"http://127.0.0.1:{int(file.read_text().splitlines()[0])}"
        await asyncio.sleep(0.05)
        waited += 0.05
    raise ProviderUnavailable(f"the browser did not start within {START_SECONDS:.0f} seconds")


async def _keep_small(pid: int, memory_bytes: int) -> None:
    """Kill the group once its processes together hold more than they may."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if _memory_of(pid) > memory_bytes:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            return


def _memory_of(pid: int) -> int:
    """Bytes of a process and its children that they do not share."""
    total = 0
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                memory = process.memory_info()
                total += memory.rss - memory.shared
    return total


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no address, no secret, and a home that ends with the visit."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "CRAWL4AI_NO_CLOUD_NOTICE": "1",
        "CRAWL4_AI_BASE_DIRECTORY": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else a price list is downloaded at import
        "SE_OFFLINE": "true",
        "SE_AVOID_STATS": "true",
    }


def _answer_of(out: bytes, err: bytes, method: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = orjson.loads(out)
    except orjson.JSONDecodeError as error:
        told = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it was stopped"]
        raise ProviderUnavailable(f"the driver gave up: {told[0][:200]}", provider=method) from error
    return answer


def _is_refusal(answer: Mapping[str, Any]) -> bool:
    """True where the page itself did not come; what a shown page was refused besides is its own affair."""
    return "ERR_" in answer.get("error", "") or answer.get("status") in (0, 403)


def _shown(answer: dict[str, Any], method: Method) -> RenderedPage:
    if "error" in answer:
        raise ProviderUnavailable(f"the browser says {str(answer['error'])[:200]}", provider=method)
    if not answer["status"]:
        raise ProviderBadAnswer("the page was never loaded", provider=method)
    return RenderedPage(answer["url"], int(answer["status"]), answer["content_type"], answer["html"])
