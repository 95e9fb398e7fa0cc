"""Assessor sites of the five counties: a search form, a list of hits and a page a parcel, all HTML.

`{base}/{town}/search?address=`, `{base}/{town}/property/{apn}`, for example `/assessor/harrow/search`.
"""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared.sandbox.addressing import AddressIndex, index_of
from shared.sandbox.datasets import USE_CODES
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Material, RoofShape, Town, place_named

MAX_HITS = 25
ROOF_COVERS: dict[Material, str] = {
    Material.ASPHALT_3TAB: "COMPOSITION SHINGLE",
    Material.ASPHALT_ARCHITECTURAL: "COMPOSITION SHINGLE",
    Material.ASPHALT_DESIGNER: "COMPOSITION SHINGLE",
    Material.WOOD_SHAKE: "WOOD SHAKE",
    Material.METAL_EXPOSED_FASTENER: "METAL",
    Material.METAL_STANDING_SEAM: "METAL",
    Material.CONCRETE_TILE: "TILE",
    Material.CLAY_TILE: "TILE",
    Material.EPDM: "BUILT-UP/MEMBRANE",
    Material.TPO_PVC: "BUILT-UP/MEMBRANE",
    Material.MODIFIED_BITUMEN: "BUILT-UP/MEMBRANE",
    Material.BUILT_UP: "BUILT-UP/MEMBRANE",
}


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the sites."""
    routes = APIRouter(prefix="/assessor", default_response_class=HTMLResponse)

    @routes.get("/{county}/")
    def home(county: str) -> Response:
        return _page("Property Search", _form(county)) if _town(sandbox, county) else _missing()

    @routes.get("/{county}/search")
    def search(county: str, address: str = "") -> Response:
        return _search(sandbox, county, address)

    @routes.post("/{county}/search")
    def search_by_form(county: str, address: str = Form("")) -> Response:
        return _search(sandbox, county, address)

    @routes.get("/{county}/property/{apn}")
    def detail(county: str, apn: str) -> Response:
        town = _town(sandbox, county)
        parcel = town.parcel_of_apn(apn) if town else None
        if town is None or parcel is None:
            return _missing()
        return _page(f"Parcel {town.apn(parcel)}", _detail(town, parcel))

    @routes.get("/{county}/owners")
    def owners(county: str) -> Response:
        """The name index robots.txt closes; asking for it shows whether a client obeys."""
        return _page(f"Owners of {escape(county)}", "<p>Name index for staff.</p>")

    return routes


def _town(sandbox: Sandbox, county: str) -> Town | None:
    place = place_named(county)
    return sandbox.towns.of(place) if place else None


def _search(sandbox: Sandbox, county: str, address: str) -> Response:
    town = _town(sandbox, county)
    if town is None:
        return _missing()
    if not address.strip():
        return _page("Property Search", "<p class='error'>Enter an address.</p>" + _form(county))
    index: AddressIndex = index_of(sandbox, town.place)
    hits = index.search(address)[:MAX_HITS]
    if len(hits) == 1:
        return RedirectResponse(f"../{county}/property/{town.apn(hits[0])}", status_code=302)
    if not hits:
        return _page("Search Results", "<p id='no-results'>No records found.</p>" + _form(county))
    rows = "".join(
        f"<tr><td><a href='property/{town.apn(hit)}'>{town.apn(hit)}</a></td>"
        f"<td>{escape(town.layout.address(hit).street_line)}</td><td>{escape(town.people.name(hit))}</td></tr>"
        for hit in hits
    )
    head = "<tr><th>Parcel ID</th><th>Situs Address</th><th>Owner</th></tr>"
    return _page("Search Results", f"<table id='results'><thead>{head}</thead><tbody>{rows}</tbody></table>")


def _form(county: str) -> str:
    return (
        f"<form id='search' method='post' action='/assessor/{escape(county)}/search'>"
        "<label>Situs address <input name='address' type='text'></label><button>Search</button></form>"
    )


def _detail(town: Town, parcel: int) -> str:
    owner, address = town.owner(parcel), town.layout.address(parcel)
    building = int(town.layout.building[parcel])
    house, values = town.house(parcel), town.values
    code, use = USE_CODES[house.kind]
    sold = int(values.sold_age_days[parcel])
    sale = "" if sold < 0 else f"{town.day(sold):%m/%d/%Y}"
    mailing = f"{owner.mailing_line}, {owner.mailing_city}, {owner.mailing_state} {owner.mailing_zip5}"
    year = house.year_built if values.year_known[parcel] else 0
    general = [
        ("Parcel ID", town.apn(parcel)),
        ("Owner Name", owner.name),
        ("Mailing Address", mailing),
        ("Situs Address", address.one_line),
        ("Use Code", f"{code} - {use}"),
        ("Homestead", "YES" if owner.occupied else "NO"),
    ]
    money = [
        ("Market Value", f"${values.market[parcel]:,}"),
        ("Assessed Value", f"${values.assessed[parcel]:,}"),
        ("Tax Amount", f"${values.tax_cents[parcel] / 100:,.2f}"),
    ]
    build = [
        ("Year Built", str(year)),
        ("Living Area", f"{values.sqft[parcel]:,} sq ft"),
        ("Stories", str(house.stories)),
        ("Bedrooms", str(values.beds[parcel])),
        ("Bathrooms", str(values.baths[parcel])),
        ("Lot Size", f"{values.lot_sqft[parcel] / 43_560:.3f} acres"),
        ("Roof Structure", "FLAT" if house.roof.shape is RoofShape.FLAT else "GABLE/HIP"),
        ("Roof Cover", ROOF_COVERS[town.roof(building).material]),
    ]
    sales = f"<tr><td>{sale}</td><td>${values.sold_price[parcel]:,}</td><td>WD</td></tr>" if sale else ""
    head = "<tr><th>Sale Date</th><th>Sale Price</th><th>Deed</th></tr>"
    return (
        _table("general", general)
        + _table("values", money)
        + _table("building", build)
        + f"<table id='sales'><thead>{head}</thead><tbody>{sales}</tbody></table>"
    )


def _table(name: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f"<tr><th scope='row'>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in rows
    )
    return f"<table id='{name}'><tbody>{body}</tbody></table>"


def _page(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title></head>"
        f"<body><header><a href='./'>County Property Search</a></header><main><h1>{escape(title)}</h1>{body}</main>"
        "<footer>Invented county. Data is provided as is.</footer></body></html>"
    )


def _missing() -> HTMLResponse:
    page = _page("Not Found", "<p>The requested record does not exist.</p>")
    return HTMLResponse(page.body, status_code=404)
