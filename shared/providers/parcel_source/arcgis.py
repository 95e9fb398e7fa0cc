"""Parcel layers of ArcGIS servers: the permit reader's paging, polygons for geometry."""

from __future__ import annotations

from shared.providers.permit_source.arcgis import ArcgisSource


class ArcgisParcels(ArcgisSource):
    """Pages a parcel layer by object id."""

    name = "arcgis"
