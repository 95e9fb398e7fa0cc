"""Publishers' files and pages, each format known by its content.

Parcels come from ArcGIS layers, from files for download (kind `csv_download`) and by command, the last two through
one reader (`shared/providers/parcel_source/layers.py`): tables, GeoJSON, ArcGIS answers, and shapefiles as ZIP,
folder or `.shp`, whose projection is turned into WGS 84; a missing or wrong one is refused by name. A file is known
by its columns (`formats/parcel_exports.py`: New York's PLUTO, assessment roll and sales, Los Angeles, Berkeley,
Alameda, Boone, Polk, Texan districts), by the names that counties share (with `--jurisdiction`, the target city it
belongs to) or by a city's field map (`--source`). A source writes over what it said before; another one adds what
it knows, its later sale and its owner as a whole. 0 is unknown, a nominal price none, and where a state publishes
no prices `details.not_published` says so. The rows are kept without their persons' columns.

A permit file is known by its columns or keys (`formats/exports.py`, `formats/permits.py`); what holds no permits is
named (`arcgis_count_only`, `column_lists`, ...). Exports of a software that many cities use (EnerGov, Accela's
record list) wait for `--jurisdiction`. Decisions that the files forced: drafts (`25TMP-`) are no permits; a month
report dates its permits by the month's first day, the weekly comparison by the day a permit was first seen; text
that was UTF-8 read as Windows-1252 is mended, its raw bytes stay in `raw_records`; a list whose costs are fees
gives no cost; a Denver report with fewer rows than its total is refused.
"""
