"""Twenty recorded Nashville permits, each read by a person: does this house have a new roof?"""

from __future__ import annotations

# Permit number -> whether its words tell of a whole new roof on the named house.
CHECKED_BY_HAND: dict[str, bool] = {
    "T2022020466": True,  # "remove and replace shingles on roof", 1417 Clifton Ln
    "T2021069203": True,  # "Residential tear off and reroof of 1277 SF", 1420 Ocoee Trl
    "T2023039470": True,  # "remove and reinstall 2600 SQ FT of roofing", 109 Moss Trl
    "T2022042182": True,  # "replace 3,133 sq ft of roof", 303 McCoin Dr
    "T2021069189": True,  # "tear off and reroof of 3230 SF", 2617 Somerset Dr
    "T2022059717": True,  # wind damage "making it necessary to replace shingles", 4304 Sneed Rd
    "T2021062498": True,  # "to replace the roof of existing single family residence", 4603 Park Ave
    "T2022004355": True,  # "To remove and replace shingles", 3036 Vistavalley Ct
    "T2021060715": True,  # "Re-roof w/ full tear-off and replacement", 5210 Shenandoah Ct
    "T2022000792": True,  # "Reroof building.", 2131 Elm Hill Pike
    "T2022026760": True,  # "To replace roofing on 2458 sqft non-residential building", 4807 Nolensville Pike
    "T2023070201": True,  # "to reroof existing warehouse building", 561 Metroplex Dr
    "D2024052079": False,  # office "under the current roof structure", 4202 Nevada Ave
    "T2023019675": False,  # new detached garage with a pitched roof, 5124 Wilmar Dr
    "T2022012921": False,  # hip roof over a patio, 328 Bournemouth Ln
    "T2022059966": False,  # emergency removal of damaged roofing to dry in, a repair, 422 Rockwood Dr
    "T2023030408": False,  # deck with a shed roof, 2745 Alvin Sperry Pass
    "T2022040169": False,  # new house, "3672 under roof", 1428 Preston Dr
    "T2022076713": False,  # sign "not to exceed the roof line", 2545 Lebanon Pike
    "T2021061122": False,  # deck with a roof system, 5505 Seesaw Rd
}
