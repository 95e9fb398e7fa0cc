"""Where pictures live: a folder by default, any S3-compatible store by URL."""

from __future__ import annotations

import mimetypes
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import orjson


class ObjectStore(Protocol):
    """Keeps bytes under keys."""

    bucket: str

    async def put(self, key: str, body: bytes) -> None:
        """Keep the bytes; the same key again replaces them."""

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None where there are none."""

    def url(self, key: str) -> str:
        """Where the object lies."""

    async def presigned(self, key: str, life: timedelta) -> str | None:
        """An address at which the store itself serves the object for a while; None where it serves nobody."""


class Obstore:
    """Objects through obstore: `file://` folders, `s3://` buckets (MinIO, R2, S3)."""

    def __init__(self, url: str) -> None:
        from obstore.store import LocalStore, from_url

        parts = urlsplit(url)
        self._base = url.rstrip("/")
        self.bucket = parts.netloc or Path(parts.path).name
        self._store: Any
        if parts.scheme == "file":
            folder = Path(url2pathname(parts.path))
            self._store = LocalStore(folder, mkdir=True)
        else:
            self._store = from_url(url)

    async def put(self, key: str, body: bytes) -> None:
        """Keep the bytes; the same key again replaces them. A bucket serves them by the kind that their key tells."""
        import obstore
        from obstore.store import LocalStore

        kind = None if isinstance(self._store, LocalStore) else mimetypes.guess_type(key)[0]
        await obstore.put_async(self._store, key, body, attributes={"Content-Type": kind} if kind else None)

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None where there are none."""
        import obstore

        try:
            found = await obstore.get_async(self._store, key)
        except FileNotFoundError:
            return None
        return bytes(await found.bytes_async())

    def url(self, key: str) -> str:
        """Where the object lies."""
        return f"{self._base}/{key}"

    async def presigned(self, key: str, life: timedelta) -> str | None:
        """An address at which the bucket serves the object for a while; None for a folder."""
        import obstore
        from obstore.store import LocalStore

        if isinstance(self._store, LocalStore):
            return None
        return await obstore.sign_async(self._store, "GET", key, life)


async def put_json(store: ObjectStore, key: str, document: dict[str, Any]) -> None:
    """Keep a JSON document."""
    await store.put(key, orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2))
