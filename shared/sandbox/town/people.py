"""Owners: who holds which parcel, where their mail goes, and what can be found out about them."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from shared.sandbox.town.layout import (
    APARTMENTS,
    COMMERCIAL,
    CONDO,
    MOBILE,
    SINGLE,
    TOWNHOUSE,
    Bools,
    Ints,
    Layout,
)
from shared.sandbox.town.model import Owner, OwnerKind
from shared.sandbox.town.words import (
    COMPANY_TAILS,
    COMPANY_WORDS,
    FIRST_NAMES,
    LAST_NAMES,
    MAIL_DOMAINS,
    OTHER_CITIES,
    STREET_NAMES,
)

OWNER_KINDS: tuple[OwnerKind, ...] = tuple(OwnerKind)
PERSON, TRUST, COMPANY, ASSOCIATION = range(4)
EMAIL_STATUSES = ("valid", "invalid", "catch-all", "unknown", "spamtrap", "abuse", "do_not_mail")
EMAIL_CHANCES = (0.80, 0.09, 0.05, 0.03, 0.005, 0.01, 0.015)


@dataclass(frozen=True, slots=True)
class People:
    """Columns of owners, one a parcel."""

    kind: Ints
    first: Ints
    last: Ints
    partner: Ints
    """First name of a second owner, -1 for none."""
    company: Ints
    occupied: Bools
    elsewhere: Ints
    """Which other city an absent owner's mail goes to."""
    has_email: Bools
    has_phone: Bools
    found: Bools
    """The e-mail finder knows this owner."""
    score: Ints
    """The finder's confidence, 0 to 100."""
    email_status: Ints
    seed: Ints

    def email(self, parcel: int) -> str:
        """True e-mail address of the owner, empty when there is none; no two owners share one."""
        if not self.has_email[parcel]:
            return ""
        first = _letters(FIRST_NAMES[self.first[parcel]])
        last = _letters(LAST_NAMES[self.last[parcel]])
        domain = MAIL_DOMAINS[self.seed[parcel] % len(MAIL_DOMAINS)]
        style = (f"{first}.{last}{parcel}", f"{first[0]}{last}{parcel}", f"{last}.{first}.{parcel}")
        return f"{style[self.seed[parcel] % 3]}@{domain}"

    def name(self, parcel: int) -> str:
        """Name as the assessor writes it."""
        last, first = LAST_NAMES[self.last[parcel]], FIRST_NAMES[self.first[parcel]]
        kind = self.kind[parcel]
        if kind == COMPANY:
            word, tail = divmod(int(self.company[parcel]), len(COMPANY_TAILS))
            return f"{COMPANY_WORDS[word % len(COMPANY_WORDS)]} {COMPANY_TAILS[tail]}"
        if kind == ASSOCIATION:
            return f"{STREET_NAMES[self.company[parcel] % 40]} HOMEOWNERS ASSOCIATION"
        if kind == TRUST:
            return f"{last} {first} REVOCABLE TRUST"
        partner = int(self.partner[parcel])
        return f"{last} {first}" + (f" & {FIRST_NAMES[partner]}" if partner >= 0 else "")


def make_people(layout: Layout, rng: np.random.Generator) -> People:
    """Owners by building kind: families, trusts, landlords and associations."""
    count = layout.parcels
    building_kind = layout.kind[layout.building]
    kind = _owner_kinds(building_kind, rng)
    private = (kind == PERSON) | (kind == TRUST)
    home = np.array([0.86, 0.70, 0.62, 0.0, 0.80, 0.0])[building_kind]
    occupied = private & (rng.random(count) < home)
    return People(
        kind=kind,
        first=rng.integers(0, len(FIRST_NAMES), count),
        last=rng.integers(0, len(LAST_NAMES), count),
        partner=np.where(
            (kind == PERSON) & (rng.random(count) < 0.45), rng.integers(0, len(FIRST_NAMES), count), -1
        ),
        company=rng.integers(0, len(COMPANY_WORDS) * len(COMPANY_TAILS), count),
        occupied=occupied,
        elsewhere=rng.integers(0, len(OTHER_CITIES), count),
        has_email=private & (rng.random(count) < 0.84),
        has_phone=private & (rng.random(count) < 0.70),
        found=private & (rng.random(count) < 0.68),
        score=rng.integers(55, 100, count),
        email_status=rng.choice(len(EMAIL_STATUSES), count, p=EMAIL_CHANCES),
        seed=rng.integers(0, 2**31, count),
    )


def _owner_kinds(building_kind: Ints, rng: np.random.Generator) -> Ints:
    draw = rng.random(len(building_kind))
    landlord = np.select(
        [
            building_kind == SINGLE,
            building_kind == TOWNHOUSE,
            building_kind == CONDO,
            building_kind == MOBILE,
        ],
        [0.11, 0.18, 0.22, 0.10],
        1.0,
    )
    trust = np.select([building_kind == SINGLE, building_kind == CONDO], [0.06, 0.05], 0.03)
    kind = np.where(draw < landlord, COMPANY, np.where(draw < landlord + trust, TRUST, PERSON))
    kind[(building_kind == TOWNHOUSE) & (rng.random(len(kind)) < 0.04)] = ASSOCIATION
    kind[(building_kind == COMMERCIAL) | (building_kind == APARTMENTS)] = COMPANY
    return kind


def owner_of(layout: Layout, people: People, parcel: int) -> Owner:
    """The owner of a parcel with everything the world could know."""
    address = layout.address(parcel)
    occupied = bool(people.occupied[parcel])
    if occupied:
        mailing = (address.street_line, address.city, address.state, address.zip5)
    else:
        mailing = (_away_line(people, parcel), *OTHER_CITIES[people.elsewhere[parcel]])
    private = people.kind[parcel] in (PERSON, TRUST)
    email = people.email(parcel)
    return Owner(
        kind=OWNER_KINDS[people.kind[parcel]],
        name=people.name(parcel),
        first_name=FIRST_NAMES[people.first[parcel]] if private else "",
        last_name=LAST_NAMES[people.last[parcel]] if private else "",
        occupied=occupied,
        mailing_line=mailing[0],
        mailing_city=mailing[1],
        mailing_state=mailing[2],
        mailing_zip5=mailing[3],
        email=email,
        email_status=EMAIL_STATUSES[people.email_status[parcel]] if email else "",
        phone=_phone(people, parcel),
    )


def _away_line(people: People, parcel: int) -> str:
    seed = int(people.seed[parcel])
    if seed % 3 == 0:
        return f"PO BOX {seed % 9000 + 100}"
    return f"{seed % 9800 + 100} {STREET_NAMES[seed % len(STREET_NAMES)]} AVE STE {seed % 80 + 100}"


def _phone(people: People, parcel: int) -> str:
    """E.164 in the range that is reserved for fiction (555-0100 to 555-0199)."""
    if not people.has_phone[parcel]:
        return ""
    seed = int(people.seed[parcel])
    return f"+1{(214, 325, 407, 614, 720, 480)[seed % 6]}55501{seed // 7 % 100:02d}"


@cache
def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())
