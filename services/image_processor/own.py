"""What only the image processor opens: the object store and the workers that touch pixels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from shared.providers.object_store import ObjectStore, Obstore
from shared.runtime import Resources

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImageOwn:
    """The image processor's own resources."""

    store: ObjectStore
    threads: ThreadPoolExecutor

    async def compute(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run pixel work off the event loop; OpenCV releases the interpreter lock."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: work(*args, **kwargs))


@asynccontextmanager
async def open_own(resources: Resources) -> AsyncIterator[ImageOwn]:
    """Open the store and the threads."""
    settings = resources.settings
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="pixels") as threads:
        yield ImageOwn(Obstore(settings.object_store), threads)
