"""The US Census geocoder (contracts/census_geocoder.md): free, no key, results may be stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.geocoder import Accuracy, GeocodedAddress, PostalAddress
from shared.providers.settings import ProviderSettings
from shared.schemas.geo import GeoPoint

BENCHMARK: Final = "Public_AR_Current"
BATCH_ROWS: Final = 10_000
BATCH_SECONDS: Final = 300.0


class CensusGeocoder:
    """Points interpolated along the street."""

    name = source = "census"
    price = Decimal(0)

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)

    async def locate(self, address: PostalAddress) -> GeocodedAddress | None:
        """The point of an address, or None where it matches nothing."""
        request = ProviderRequest(
            endpoint="/locations/onelineaddress",
            path="/geocoder/locations/onelineaddress",
            params=[("address", address.one_line()), ("benchmark", BENCHMARK), ("format", "json")],
        )
        reply = await self._client.call(request)
        matches = (reply.answer.json_object().get("result") or {}).get("addressMatches")
        if not isinstance(matches, list):
            raise ProviderBadAnswer("matches were promised", provider=self.name)
        return self._match(matches[0]) if matches else None

    async def locate_many(self, addresses: Sequence[PostalAddress]) -> Mapping[str, GeocodedAddress]:
        """The points of those addresses that match, by their key."""
        found: dict[str, GeocodedAddress] = {}
        for start in range(0, len(addresses), BATCH_ROWS):
            found |= await self._locate_batch(addresses[start : start + BATCH_ROWS])
        return found

    async def _locate_batch(self, addresses: Sequence[PostalAddress]) -> Mapping[str, GeocodedAddress]:
        request = ProviderRequest(
            endpoint="/locations/addressbatch",
            method="POST",
            path="/geocoder/locations/addressbatch",
            data={"benchmark": BENCHMARK},
            files={"addressFile": ("addresses.csv", _batch_file(addresses), "text/csv")},
            timeout_seconds=BATCH_SECONDS,
        )
        reply = await self._client.call(request)
        # The order of rows is not kept: each is joined by the number we gave it.
        keys = {str(number): address.key for number, address in enumerate(addresses)}
        found: dict[str, GeocodedAddress] = {}
        for row in csv.reader(io.StringIO(reply.answer.body.decode("utf-8", "replace"))):
            if not row or row[0] not in keys:
                raise ProviderBadAnswer("a batch row that nobody asked for", provider=self.name)
            if len(row) >= 6 and row[2].strip() == "Match":
                found[keys[row[0]]] = self._batch_match(row)
        return found

    def _match(self, match: Mapping[str, Any]) -> GeocodedAddress:
        coordinates = match.get("coordinates") or {}
        return GeocodedAddress(
            point=self._point(coordinates.get("x"), coordinates.get("y")),
            matched_address=str(match.get("matchedAddress", "")),
            accuracy=Accuracy.INTERPOLATED,
            exact=True,
        )

    def _batch_match(self, row: Sequence[str]) -> GeocodedAddress:
        longitude, _, latitude = row[5].partition(",")
        return GeocodedAddress(
            point=self._point(longitude, latitude),
            matched_address=row[4],
            accuracy=Accuracy.INTERPOLATED,
            exact=row[3].strip() == "Exact",
        )

    def _point(self, longitude: Any, latitude: Any) -> GeoPoint:
        """The point of (x, y); one outside the United States is a wrong answer, not a place."""
        try:
            return GeoPoint(lat=latitude, lng=longitude)
        except ValidationError as error:
            raise ProviderBadAnswer("a point outside the United States", provider=self.name) from error


def _batch_file(addresses: Sequence[PostalAddress]) -> bytes:
    """CSV without header: number, street, city, state, zip."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, address in enumerate(addresses):
        writer.writerow([number, address.street, address.city, address.state, address.zip_code])
    return text.getvalue().encode("utf-8")
