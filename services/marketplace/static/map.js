// The leads found as marks on a map beside their list: the same filters, from the same address.
(() => {
  "use strict";
  const WIDE_SCREEN = matchMedia("(min-width: 901px)");
  const COUNTRY = [[-124.5, 25], [-67, 49]];
  const GRID_DEGREES = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
  const CLOSEST = 14;
  const TOWN_ZOOM = 10; // from here on a name would only cover marks; the words below the map have it
  const OF_THE_LIST = ["box", "sort", "limit", "after_id", "after_score", "after_price"];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const money = (amount) => Number(amount).toLocaleString("en-US", { style: "currency", currency: "USD", maximumFractionDigits: Number(amount) % 1 ? 2 : 0 });
  const collection = (features) => ({ type: "FeatureCollection", features });
  const shape = (type, coordinates) => ({ type: "Feature", properties: {}, geometry: { type, coordinates } });

  const plain = () => ({ version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": colour("--soft") } }] });

  // Lines of round degrees: without a base map they say how far the view has moved.
  const grid = (bounds) => {
    const [west, south, east, north] = bounds;
    const step = GRID_DEGREES.find((each) => (east - west) / each >= 4) ?? 0.01;
    const steps = (low, high) => Array.from({ length: Math.ceil((high - low) / step) + 1 }, (_, n) => (Math.floor(low / step) + n) * step);
    return collection([
      ...steps(west, east).map((lng) => shape("LineString", [[lng, south], [lng, north]])),
      ...steps(south, north).map((lat) => shape("LineString", [[west, lat], [east, lat]])),
    ]);
  };
  const square = ([lng, lat], side) => {
    const [west, south, east, north] = [lng - side / 2, lat - side / 2, lng + side / 2, lat + side / 2];
    return shape("Polygon", [[[west, south], [east, south], [east, north], [west, north], [west, south]]]);
  };

  class MarketMap {
    constructor(section) {
      this.section = section;
      this.words = section.querySelector(".mapwords");
      this.form = document.querySelector("form.filterbox");
      this.marks = [];
      this.asked = 0;
      this.drawn = false;
      for (const button of section.querySelectorAll("[data-zoom]")) button.onclick = () => this.map?.zoomTo(this.map.getZoom() + Number(button.dataset.zoom));
      section.querySelector("[data-inside]").onclick = () => this.map && this.listOnly(this.view());
    }

    async open() {
      maplibregl.setWorkerUrl(this.section.dataset.worker);
      const basemap = this.section.dataset.basemap;
      try {
        this.map = new maplibregl.Map({
          container: this.section.querySelector(".mapview"),
          style: basemap || plain(),
          bounds: this.wanted() ?? COUNTRY,
          maxZoom: 17,
          dragRotate: false,
          pitchWithRotate: false,
          attributionControl: basemap ? { compact: false } : false,
          fadeDuration: 0,
          locale: { "Map.Title": "Map: arrow keys move it, plus and minus zoom" },
        });
      } catch {
        this.words.textContent = "This browser cannot draw the map. The list has every lead.";
        return;
      }
      this.map.touchZoomRotate.disableRotation();
      this.map.addControl(new maplibregl.ScaleControl({ unit: "imperial" }), "bottom-left");
      await this.map.once("load");
      this.prepare();
      await this.reload({ fit: true });
      this.map.on("moveend", () => {
        clearTimeout(this.soon);
        if (!this.going) this.soon = setTimeout(() => this.reload(), 250);
      });
    }

    prepare() {
      const empty = { type: "geojson", data: collection([]) };
      this.map.addSource("grid", empty).addSource("squares", empty);
      this.map.addLayer({ id: "grid", type: "line", source: "grid", paint: { "line-color": colour("--line"), "line-width": 1 } });
      this.map.addLayer({ id: "squares", type: "fill", source: "squares", paint: { "fill-color": colour("--accent"), "fill-opacity": 0.14, "fill-outline-color": colour("--accent") } });
    }

    wanted() {
      const box = new URLSearchParams(location.search).get("box")?.split(",").map(Number);
      return box?.length === 4 && box.every(Number.isFinite) ? [[box[0], box[1]], [box[2], box[3]]] : null;
    }

    view() {
      const bounds = this.map.getBounds();
      const limits = [[bounds.getWest(), -180], [bounds.getSouth(), -90], [bounds.getEast(), 180], [bounds.getNorth(), 90]];
      return limits.map(([value, limit]) => (limit < 0 ? Math.max(value, limit) : Math.min(value, limit)).toFixed(5));
    }

    // The first time and after a change of the filters the map goes where the leads are; then it stays where it is moved.
    async reload({ fit = false } = {}) {
      const turn = ++this.asked;
      const query = new URLSearchParams(location.search);
      const box = fit ? query.get("box") : this.view().join(",");
      for (const name of OF_THE_LIST) query.delete(name);
      if (box) query.set("box", box);
      const answer = await window.ridgeline.call("GET", `/api/leads/map?${query}`).catch(() => null);
      if (turn !== this.asked) return;
      if (!answer?.ok) {
        this.words.textContent = answer ? await window.ridgeline.refusalOf(answer) : "The map's leads could not be read. The list is not affected.";
        return;
      }
      const found = await answer.json();
      if (fit) this.goTo(found);
      this.show(found);
    }

    goTo(found) {
      const bounds = new maplibregl.LngLatBounds();
      for (const feature of found.features) {
        for (const corner of square(feature.geometry.coordinates, found.degrees).geometry.coordinates[0]) bounds.extend(corner);
      }
      if (bounds.isEmpty()) for (const town of found.towns) bounds.extend([town.lng, town.lat]);
      const wanted = this.wanted();
      if (!wanted && bounds.isEmpty()) return;
      this.going = true;
      this.map.fitBounds(wanted ?? bounds, { padding: wanted ? 0 : 24, maxZoom: wanted ? 17 : 13, animate: false });
      this.going = false;
    }

    show(found) {
      const focused = document.activeElement?.dataset?.place;
      for (const mark of this.marks) mark.remove();
      this.marks = [
        ...(this.section.dataset.basemap || this.map.getZoom() > TOWN_ZOOM ? [] : found.towns.map((town) => this.town(town))),
        ...found.features.map((feature) => this.mark(feature, found.degrees)),
      ];
      if (focused) (this.section.querySelector(`[data-place="${focused}"]`) ?? this.map.getCanvas()).focus();
      this.map.getSource("grid").setData(grid(this.view().map(Number)));
      this.map.getSource("squares").setData(collection(found.features.map((feature) => square(feature.geometry.coordinates, found.degrees))));
      const shown = found.more ? `The best ${found.leads.toLocaleString("en-US")} leads` : found.leads === 1 ? "1 lead" : `${found.leads.toLocaleString("en-US")} leads`;
      const towns = found.towns.filter((town) => this.map.getBounds().contains([town.lng, town.lat]));
      const where = towns.length === 1 ? `, ${towns[0].city}, ${towns[0].state}` : "";
      this.words.textContent = `${shown} on this map${where}. A mark stands for its square, not for a house. Leads among few homes are in the list alone.`;
    }

    town(town) {
      const label = document.createElement("span");
      label.className = "town";
      label.textContent = `${town.city}, ${town.state}`;
      label.setAttribute("role", "note");
      label.setAttribute("aria-label", label.textContent);
      return new maplibregl.Marker({ element: label, anchor: "bottom", offset: [0, -34] }).setLngLat([town.lng, town.lat]).addTo(this.map);
    }

    mark(feature, degrees) {
      const { leads, grade, price, score, lead_id: id } = feature.properties;
      const place = feature.geometry.coordinates;
      const element = document.createElement(id ? "a" : "button");
      element.className = "mark";
      element.dataset.place = place.join("_");
      element.setAttribute("role", id ? "link" : "button");
      if (id) {
        element.href = `/leads/${id}`;
        element.textContent = `${grade ?? "–"} · ${money(price)}`;
        element.setAttribute("aria-label", `${element.textContent}: one lead, score ${score}`);
      } else {
        element.type = "button";
        element.textContent = leads.toLocaleString("en-US");
        element.setAttribute("aria-label", `${leads} leads, ${grade ? `best grade ${grade}, ` : ""}from ${money(price)}`);
        element.addEventListener("click", () => this.lookCloser(place, degrees));
      }
      return new maplibregl.Marker({ element }).setLngLat(place).addTo(this.map);
    }

    // Nearer until a mark is one cell, which no zoom parts; then the list shows the leads of that cell.
    lookCloser([lng, lat], degrees) {
      if (degrees > 0.005 && this.map.getZoom() < CLOSEST) {
        this.map.easeTo({ center: [lng, lat], zoom: this.map.getZoom() + 2 });
        return;
      }
      const half = degrees / 2;
      this.listOnly([lng - half, lat - half, lng + half, lat + half].map((value) => value.toFixed(5)));
      document.getElementById("results").scrollIntoView({ block: "start" });
    }

    listOnly(box) {
      this.form.elements.box.value = box.join(",");
      this.form.requestSubmit();
    }
  }

  let shown = null;
  const begin = () => {
    const section = document.getElementById("map");
    const toggle = document.querySelector(".maptoggle");
    if (!section || section === shown?.section) return;
    shown = new MarketMap(section);
    section.hidden = false;
    toggle.hidden = false;
    const openOnce = () => { if (!shown.map) shown.open(); else shown.map.resize(); };
    toggle.addEventListener("click", () => {
      const asked = section.classList.toggle("asked");
      toggle.setAttribute("aria-expanded", String(asked));
      toggle.textContent = asked ? "Hide map" : "Map";
      if (asked) openOnce();
    });
    if (WIDE_SCREEN.matches) openOnce();
    WIDE_SCREEN.onchange = () => { if (WIDE_SCREEN.matches) openOnce(); };
  };

  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:historyRestore", begin);
  document.addEventListener("htmx:pushedIntoHistory", () => {
    if (shown?.map) shown.reload({ fit: !shown.wanted() });
  });
})();
