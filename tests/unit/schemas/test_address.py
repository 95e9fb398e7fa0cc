"""One house has one key, however a feed spells it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schemas.address import Address, InvalidAddress, address_key, normal_zip, parse_address
from shared.schemas.usps import DIRECTIONS, SUFFIXES


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1916 18TH AVE S", "1916||18TH|AVE|S||"),
        ("2410 B 9TH AVE S", "2410||9TH|AVE|S|B|"),
        ("1057 A E TRINITY LN", "1057|E|TRINITY|LN||A|"),
        ("2153 A2 BYRUM AVE", "2153||BYRUM|AVE||A2|"),
        ("504 B N 17TH ST", "504|N|17TH|ST||B|"),
        ("605 RIVER PEARL PL 8", "605||RIVER PEARL|PL||8|"),
        ("54 MUSIC SQ E 230", "54||MUSIC|SQ|E|230|"),
        ("1600 10TH AVE N 201-202", "1600||10TH|AVE|N|201-202|"),
        ("3 CITY AVE 200HM", "3||CITY|AVE||200HM|"),
        ("6842 HIGHWAY 70 S", "6842||HWY 70||S||"),
        ("102 KEENELAND", "102||KEENELAND||||"),
        ("1601 B J P HENNESSY DR", "1601||J P HENNESSY|DR||B|"),
        ("1525 J P HENNESSY DR", "1525||J P HENNESSY|DR|||"),
        ("5981 N NORTHWEST HWY", "5981|N|NORTHWEST|HWY|||"),
        ("9912 S. Avenue H", "9912|S|AVE H||||"),
        ("3857 S DR MARTIN L KING JR DR", "3857|S|MARTIN LUTHER KING|DR|||"),
        ("3485 W MISSISSIPPI AVE SHED", "3485|W|MISSISSIPPI|AVE|||"),
        ("1994 & 1996 RUSSELL STREET", "1994||RUSSELL|ST|||"),
        ("1931/1933 RUSSELL STREET", "1931||RUSSELL|ST|||"),
        ("123 1/2 Main Street", "123 1/2||MAIN|ST|||"),
        ("98-87 QUEENS BLVD", "98-87||QUEENS|BLVD|||"),
        ("N6W23001 BLUEMOUND RD", "N6W23001||BLUEMOUND|RD|||"),
        ("219 South Dearborn Second Floor", "219|S|DEARBORN|||FL2|"),
        ("12 MAIN ST BLDG 3 APT 4", "12||MAIN|ST||BLDG3 4|"),
        ("300 SAINT CHARLES ST APT 4B", "300||ST CHARLES|ST||4B|"),
        ("900 B STREET NW", "900||B|ST|NW||"),
        ("250 E ST", "250||E|ST|||"),
        ("100 W NORTH AVE", "100|W|NORTH|AVE|||"),
        ("123 SW 8 ST", "123|SW|8TH|ST|||"),
        ("2701 E SH 114", "2701|E|STATE HWY 114||||"),
        ("100 E HIGHWAY 14", "100|E|HWY 14||||"),
        ("12 PARK TRLR N", "12||PARK|TRLR|N||"),
        ("000206 ELM PKWY", "206||ELM|PKWY|||"),
    ],
)
def test_real_spellings_are_split_as_a_reader_would(text: str, key: str) -> None:
    assert parse_address(text).key == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("906 West Belmont Avenue", "906 W BELMONT AVE"),
        ("906 w. belmont av", "906 W BELMONT AVE"),
        ("4900 FOURTH STREET", "4900 4th St."),
        ("12 Main St Apt 5", "12 MAIN ST #5"),
        ("12 Main St #  5", "12 MAIN ST # 5"),
        ("12 Main St Unit 05", "12 Main Street, Suite 5"),
        ("402 Saint Charles Ct", "402 St. Charles Court"),
        ("10 MT VERNON RD", "10 Mount Vernon Road"),
        ("100 US Highway 85", "100 US HWY 85"),
        ("8701 S St Andrews Pl", "8701 South Saint Andrews Place"),
        ("2850 E INLAND EMPIRE BL, SUITE 1-B", "2850 East Inland Empire Blvd Ste 1B"),
        ("3314 WEST END AVE", "3314 W END AVE"),
        ("500 E O'Neal Dr", "500 E ONEAL DR"),
        ("8222 E 55TH PL RESIDENCE", "8222 E 55TH PL"),
    ],
)
def test_two_spellings_of_one_house_share_the_key(one: str, other: str) -> None:
    assert parse_address(one).key == parse_address(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 MAIN ST APT 5", "12 MAIN ST APT 6"),
        ("12 MAIN ST APT 5", "12 MAIN ST"),
        ("12 MAIN ST APT 5", "12 MAIN ST BLDG 5"),
        ("12 MAIN ST", "12 MAIN AVE"),
        ("12 N MAIN ST", "12 S MAIN ST"),
        ("12 MAIN ST N", "12 N MAIN ST"),
        ("12 MAIN ST", "21 MAIN ST"),
        ("12 5TH ST", "12 15TH ST"),
        ("123 1/2 MAIN ST", "123 MAIN ST"),
        ("900 B ST", "900 C ST"),
    ],
)
def test_different_houses_never_share_the_key(one: str, other: str) -> None:
    assert parse_address(one).key != parse_address(other).key


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("712 KENT CT SOUTHLAKE TX 76092", ("SOUTHLAKE", "TX", "76092")),
        ("1380 LAKEVIEW DR Southlake TX", ("SOUTHLAKE", "TX", "")),
        ("1328 E MAIN ST, Spearfish, SD 57783-1234", ("SPEARFISH", "SD", "57783")),
        ("910 N Haven AV, SUITE 100, ONTARIO CA United States", ("ONTARIO", "CA", "")),
        ("725 Ceres Ave, Los Angeles, CA 90021, USA", ("LOS ANGELES", "CA", "90021")),
        ("Citigroup center, 444 S Flower St, Los Angeles, CA 90071, USA", ("LOS ANGELES", "CA", "90071")),
        ("712 KENT CT", ("", "", "")),
    ],
)
def test_city_state_and_zip_are_read_from_the_tail(text: str, place: tuple[str, str, str]) -> None:
    address = parse_address(text)

    assert (address.city, address.state, address.zip5) == place


def test_a_connecticut_court_stays_a_court() -> None:
    assert parse_address("712 KENT CT", "Hartford", "CT").key == "712||KENT|CT|||HARTFORD"


def test_what_the_caller_knows_wins_over_the_text() -> None:
    address = parse_address("9301 Mason Ave, Chatsworth, CA 91311, USA", "Los Angeles", "CA", "91311.0")

    assert (address.city, address.zip5) == ("LOS ANGELES", "91311")


def test_the_city_stands_in_for_an_unknown_zip() -> None:
    with_zip = parse_address("906 W Belmont Ave", "Chicago", "IL", "60657")
    without = parse_address("906 W Belmont Ave", "Chicago", "IL")

    assert (with_zip.key, without.key) == ("906|W|BELMONT|AVE|||60657", "906|W|BELMONT|AVE|||CHICAGO")
    assert with_zip.street_key == without.street_key


@pytest.mark.parametrize(
    ("value", "state", "zip5"),
    [
        ("78724.0", "TX", "78724"),
        ("78724", "TX", "78724"),
        ("60616-", "IL", "60616"),
        ("60616-1234", "IL", "60616"),
        ("606161234", "IL", "60616"),
        ("2116", "MA", "02116"),
        ("2116", "TX", ""),
        ("00000", "TX", ""),
        ("0", "TX", ""),
        ("", "TX", ""),
        (None, "TX", ""),
        ("7872A", "TX", ""),
    ],
)
def test_zips_of_spreadsheets_become_five_digits(value: str | None, state: str, zip5: str) -> None:
    assert normal_zip(value, state) == zip5


@pytest.mark.parametrize("text", ["", "   ", ",", "United States", "# -"])
def test_no_street_is_an_error(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "known"), [("0 UNKNOWN ST", False), ("BLUE STEM BLVD", False), ("7 ELM ST", True)]
)
def test_an_address_without_a_number_names_no_house(text: str, known: bool) -> None:
    assert parse_address(text).names_a_house() is known


def test_parts_of_a_feed_and_one_line_of_another_agree() -> None:
    assert (
        address_key("02410", "", "NINTH", "AVENUE", "SOUTH", "B", "37203")
        == parse_address("2410 B 9th Ave S, Nashville, TN 37203").key
    )
    assert address_key("1", None, "ALLEGHENY", "CT", None, None, "94952") == "1||ALLEGHENY|CT|||94952"


words = st.sampled_from(
    ["OAK", "PARK", "LAKE", "MARTIN", "ST", "BROADWAY", "5TH", "B", "HIGHWAY", "100", "NORTH"]
)
addresses = st.builds(
    lambda number, predir, names, suffix, postdir, unit: " ".join(
        part for part in (str(number), predir, *names, suffix, postdir, unit) if part
    ),
    st.integers(1, 99_999),
    st.sampled_from(["", *DIRECTIONS]),
    st.lists(words, min_size=1, max_size=3),
    st.sampled_from(["", *SUFFIXES]),
    st.sampled_from(["", *DIRECTIONS]),
    st.sampled_from(["", "APT 4", "# 12", "STE B", "7", "BLDG 2 UNIT 9", "REAR"]),
)


@given(addresses)
def test_a_key_read_again_from_its_own_parts_is_the_same(text: str) -> None:
    address = parse_address(text, "Austin", "TX", "78701")

    parts = (address.number, address.predir, address.street, address.suffix, address.postdir, address.unit)
    assert address_key(*parts, "78701") == address.key


@given(addresses)
def test_case_and_spacing_do_not_matter(text: str) -> None:
    assert parse_address(text.lower().replace(" ", "  ")).key == parse_address(text).key


@given(st.text(max_size=60))
def test_any_text_gives_an_address_or_the_named_error(text: str) -> None:
    try:
        address = parse_address(text, "Austin", "TX")
    except InvalidAddress:
        return
    assert address.key.count("|") == 6


def real_addresses(permits: Path) -> Iterator[tuple[str, str, str]]:
    """Address texts of four feeds with what their rows say about the place."""
    nashville = permits / "arcgis_hub" / "nashville_building_permits_part1.csv"
    with nashville.open(encoding="utf-8-sig", newline="") as file:
        yield from ((row["Address"], "Nashville", "TN") for row in csv.DictReader(file))
    chicago = permits / "chicago_compact" / "permits_2019_05.json"
    yield from ((row["a"], "Chicago", "IL") for row in json.loads(chicago.read_text(encoding="utf-8")))
    southlake = permits / "energov" / "southlake_tx_energov_export_part1.csv"
    with southlake.open(encoding="utf-8-sig", newline="") as file:
        yield from ((row["Address"], "Southlake", "TX") for row in csv.DictReader(file))


def test_real_feeds_are_read_and_stay_the_same_when_read_again(handed_over: Path) -> None:
    read: list[Address] = []
    for text, city, state in real_addresses(handed_over / "data" / "permits"):
        if text.strip():
            read.append(parse_address(text, city, state))

    again = [parse_address(address.line, address.city, address.state, address.zip5) for address in read]

    assert len(read) > 7_000
    assert [address.key for address in again] == [address.key for address in read]
    assert sum(bool(address.suffix) for address in read) / len(read) > 0.98
    assert sum(address.names_a_house() for address in read) / len(read) > 0.99
