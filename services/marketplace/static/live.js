// Parts of a page that the server renews while something runs; the page is whole without them.
(() => {
  "use strict";
  for (const part of document.querySelectorAll("[data-events]")) {
    const source = new EventSource(part.dataset.events);
    source.addEventListener("part", (event) => {
      part.innerHTML = JSON.parse(event.data);
      window.ridgeline.localTimes(part);
    });
    source.addEventListener("end", () => source.close());
  }
})();
