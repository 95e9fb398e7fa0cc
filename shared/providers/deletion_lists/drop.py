"""California's Delete Request and Opt-out Platform (DROP).

There is no public contract of the broker's side: paths, format and normal forms below are ours until the agency's own
are at hand, and only this file and `shared.schemas.deletion_list` know them. Without DROP_BASE_URL nobody is asked.

`GET /v1/deletion-list` is UTF-8 text with a line a record, `<list>,<SHA-256 of the normal form in base64>,<request id>`,
list being email, phone or name_zip, and a last line `end,<number of lines before it>`: a file without it, or with
another number, was cut. `PUT /v1/statuses` takes `{"statuses": [{"request_id": ..., "status": ...}]}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Repeat
from shared.providers.settings import ProviderSettings
from shared.schemas.deletion_list import BadLine, DeletionRecord, RequestOutcome, read_record

LIST_CAP_BYTES: Final = 2_000_000_000
"""Some fifteen million lines; a longer answer is not that list."""
DOWNLOAD_SECONDS: Final = 900.0
LONGEST_LINE_BYTES: Final = 300
STATUSES_A_CALL: Final = 2_000
_END: Final = "end"


class Drop:
    """The platform's download of hashes and its door for statuses."""

    name = "drop"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        headers = {"authorization": f"Bearer {settings.key(self.name)}"}
        self._client = ProviderClient(self.name, settings.client(self.name, headers=headers), deps)
        self.sandbox = settings.in_sandbox(self.name)

    async def download(self, into: BinaryIO) -> None:
        """Write today's whole list to a file, piece by piece; ProviderBadAnswer past the size bound."""
        await self._client.call(
            ProviderRequest(
                endpoint="deletion-list",
                path="/v1/deletion-list",
                headers={"accept": "text/plain"},
                timeout_seconds=DOWNLOAD_SECONDS,
                into=into,
                body_cap_bytes=LIST_CAP_BYTES,
            )
        )

    def records(self, file: BinaryIO) -> Iterator[DeletionRecord | BadLine]:
        """The lines of a downloaded file; ProviderBadAnswer at the end of one that is not whole or no such list."""
        file.seek(0)
        number = 0
        while line := file.readline(LONGEST_LINE_BYTES):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if text.startswith(f"{_END},"):
                self._check_end(text, number, rest=file.read(1))
                return
            number += 1
            if not line.endswith(b"\n"):
                raise ProviderBadAnswer("a line without an end", provider=self.name, line=number)
            yield _record(number, text)
        raise ProviderBadAnswer("the list ends before its last line", provider=self.name, lines=number)

    def _check_end(self, text: str, lines: int, *, rest: bytes) -> None:
        if text != f"{_END},{lines}" or rest:
            raise ProviderBadAnswer(
                "the list's last line tells of another list", provider=self.name, lines=lines
            )

    async def report(self, outcomes: Sequence[RequestOutcome]) -> None:
        """Tell what became of requests; telling the same again changes nothing."""
        for first in range(0, len(outcomes), STATUSES_A_CALL):
            told = [
                {"request_id": each.request_ref, "status": each.status.value}
                for each in outcomes[first : first + STATUSES_A_CALL]
            ]
            await self._client.call(
                ProviderRequest(
                    endpoint="statuses",
                    method="PUT",
                    path="/v1/statuses",
                    json={"statuses": told},
                    repeat=Repeat.HARMLESS,
                )
            )


def _record(number: int, text: str) -> DeletionRecord | BadLine:
    cells = text.split(",")
    if len(cells) != 3:
        return BadLine(number, f"has {len(cells)} cells, not 3")
    try:
        return read_record(*cells)
    except ValueError as error:
        return BadLine(number, str(error))
