"""Every SQL statement of the scraper."""

from services.scraper.repository.cities import CityRepository
from services.scraper.repository.parcels import ParcelRepository, RoofDating
from services.scraper.repository.permits import PermitRepository
from services.scraper.repository.raw_records import Packed, RawRecordRepository
from services.scraper.repository.staging import Upserted
from services.scraper.repository.storms import StormRepository

__all__ = [
    "CityRepository",
    "Packed",
    "ParcelRepository",
    "PermitRepository",
    "RawRecordRepository",
    "RoofDating",
    "StormRepository",
    "Upserted",
]
