"""Every SQL statement of the scraper."""

from services.scraper.repository.agencies import AgencyRepository
from services.scraper.repository.cities import CityRepository
from services.scraper.repository.contractors import ContractorRepository
from services.scraper.repository.counties import CountyRepository
from services.scraper.repository.county_jobs import CountyJobRepository
from services.scraper.repository.county_permits import CountyPermitRepository
from services.scraper.repository.jobs import JobRepository
from services.scraper.repository.neighborhood import NeighborhoodRepository
from services.scraper.repository.parcels import ParcelRepository, RoofDating
from services.scraper.repository.permits import CountyOfRows, PermitRepository
from services.scraper.repository.raw_records import Packed, RawRecordRepository
from services.scraper.repository.source_runs import SourceRunRepository
from services.scraper.repository.staging import Upserted
from services.scraper.repository.storms import StormRepository

__all__ = [
    "AgencyRepository",
    "CityRepository",
    "ContractorRepository",
    "CountyJobRepository",
    "CountyOfRows",
    "CountyPermitRepository",
    "CountyRepository",
    "JobRepository",
    "NeighborhoodRepository",
    "Packed",
    "ParcelRepository",
    "PermitRepository",
    "RawRecordRepository",
    "RoofDating",
    "SourceRunRepository",
    "StormRepository",
    "Upserted",
]
