"""Compliance decisions: pure functions over versioned rules; `loader` feeds them and stores the answers."""

from shared.compliance.contact import ContactSnapshot, can_contact
from shared.compliance.decision import Decision
from shared.compliance.fetch import FetchSnapshot, can_fetch
from shared.compliance.images import ImageLicence, can_use_image
from shared.compliance.reasons import Mask, Obligation, Reason
from shared.compliance.sell import SaleSnapshot, can_offer, can_sell

__all__ = [
    "ContactSnapshot",
    "Decision",
    "FetchSnapshot",
    "ImageLicence",
    "Mask",
    "Obligation",
    "Reason",
    "SaleSnapshot",
    "can_contact",
    "can_fetch",
    "can_offer",
    "can_sell",
    "can_use_image",
]
