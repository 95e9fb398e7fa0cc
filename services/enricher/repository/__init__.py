"""Every SQL statement of the enricher; of leads it writes contact columns only."""

from services.enricher.repository.contacts import ContactRepository
from services.enricher.repository.dnc import DncRepository
from services.enricher.repository.owners import OwnerRepository
from services.enricher.repository.places import PlaceRepository
from services.enricher.repository.requests import RequestRepository

__all__ = ["ContactRepository", "DncRepository", "OwnerRepository", "PlaceRepository", "RequestRepository"]
