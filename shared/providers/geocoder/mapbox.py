"""Mapbox geocoding v6 (contracts/mapbox_geocoding.md): permanent results, the only ones that may be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.geocoder import Accuracy, GeocodedAddress, PostalAddress
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings
from shared.schemas.geo import GeoPoint

BATCH_ROWS: Final = 1_000
BATCH_SECONDS: Final = 120.0
# A pin on a property wants both; what is less sure, or lies on the street, is no match.
CONFIDENT: Final = frozenset({"exact", "high"})
_ACCURACIES: Final[Mapping[str, Accuracy]] = {
    "rooftop": Accuracy.ROOFTOP,
    "parcel": Accuracy.PARCEL,
    "point": Accuracy.POINT,
}


class MapboxGeocoder:
    """Points of houses; every address asked for costs, found or not."""

    name, source = "mapbox", "mapbox_geocoding"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.source)
        self._key = ("access_token", settings.key(self.name))
        self.price = settings.mapbox_geocode_cost_usd

    async def locate(self, address: PostalAddress) -> GeocodedAddress | None:
        """The point of an address, or None where no house is surely meant."""
        request = ProviderRequest(
            endpoint="/search/geocode/v6/forward",
            path="/search/geocode/v6/forward",
            params=[
                ("q", address.one_line()),
                ("country", "us"),
                ("types", "address"),
                ("limit", "1"),
                ("autocomplete", "false"),
                ("permanent", "true"),
                self._key,
            ],
            repeat=Repeat.ONCE,
            cost=self.price,
            judge=_judge_one,
        )
        return self._best((await self._client.call(request)).answer.json_object())

    async def locate_many(self, addresses: Sequence[PostalAddress]) -> Mapping[str, GeocodedAddress]:
        """The points of those addresses that surely mean a house, by their key."""
        found: dict[str, GeocodedAddress] = {}
        for start in range(0, len(addresses), BATCH_ROWS):
            found |= await self._locate_batch(addresses[start : start + BATCH_ROWS])
        return found

    async def _locate_batch(self, addresses: Sequence[PostalAddress]) -> Mapping[str, GeocodedAddress]:
        def judge(answer: Answer) -> Verdict:
            return _judge_batch(answer, len(addresses))

        request = ProviderRequest(
            endpoint="/search/geocode/v6/batch",
            method="POST",
            path="/search/geocode/v6/batch",
            params=[("permanent", "true"), self._key],
            json=[{"q": address.one_line(), "types": ["address"]} for address in addresses],
            repeat=Repeat.ONCE,
            cost=self.price * len(addresses),
            judge=judge,
            timeout_seconds=BATCH_SECONDS,
        )
        answers = (await self._client.call(request)).answer.json_object()["batch"]
        matches = ((a.key, self._best(one)) for a, one in zip(addresses, answers, strict=True))
        return {key: match for key, match in matches if match is not None}

    def _best(self, answer: Mapping[str, Any]) -> GeocodedAddress | None:
        """The first feature, where it is sure enough."""
        features = answer.get("features") or ()
        known = features[0].get("properties") or {} if features else {}
        point, confidence = known.get("coordinates") or {}, (known.get("match_code") or {}).get("confidence")
        accuracy = _ACCURACIES.get(str(point.get("accuracy")))
        if accuracy is None or confidence not in CONFIDENT:
            return None
        try:
            place = GeoPoint(lat=point["latitude"], lng=point["longitude"])
        except (KeyError, ValidationError) as error:
            raise ProviderBadAnswer("a point outside the United States", provider=self.name) from error
        matched = str(known.get("full_address", ""))
        return GeocodedAddress(place, matched, accuracy, exact=confidence == "exact")


def _judge_one(answer: Answer) -> Verdict:
    if answer.status != 200:
        return judge_by_status(answer)
    features = answer.json_object().get("features")
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        return Verdict(Outcome.BAD_ANSWER, message="features were promised")
    return Verdict(Outcome.OK, billable=True)


def _judge_batch(answer: Answer, asked: int) -> Verdict:
    if answer.status != 200:
        return judge_by_status(answer)
    batch = answer.json_object().get("batch")
    if not isinstance(batch, list) or len(batch) != asked or not all(isinstance(one, dict) for one in batch):
        return Verdict(Outcome.BAD_ANSWER, message="one answer an address was promised")
    return Verdict(Outcome.OK, billable=True)
