// The door-to-door page without a connection: a worker keeps the page, a queue on the device keeps the reports.
// Each report has one key from its first moment on, by which the server takes it once, however often it is sent.
(() => {
  "use strict";
  const root = document.getElementById("canvass");
  if (!root || !window.isSecureContext || !window.indexedDB || !navigator.locks) return; // the forms work by themselves
  const PAGE = "/my/canvass";
  const AGAIN_AFTER = 60 * 1000;
  const ONE_TOUCH = 1500; // a second touch so soon is a trembling thumb, no second report
  const LATER = new Set([401, 408, 429]);
  const user = root.dataset.user;

  // The queue: one row a report, in the order of the touches.
  const asked = (request) => new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  let opened = null;
  const store = async (mode) => {
    opened ??= new Promise((done, failed) => {
      const request = indexedDB.open("ridgeline-canvass", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("reports", { keyPath: "number", autoIncrement: true });
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
    return (await opened).transaction("reports", mode).objectStore("reports");
  };
  const own = async () => (await asked((await store("readonly")).getAll())).filter((each) => each.user === user);
  const keep = async (entry) => asked((await store("readwrite")).put(entry));
  const drop = async (number) => asked((await store("readwrite")).delete(number));

  // The server's clock bounds every report: its Date header, whole seconds behind at most, corrects the phone's.
  const aheadOfUs = async () => {
    const answer = await fetch("/health", { cache: "no-store" });
    return Date.parse(answer.headers.get("date")) - Date.now();
  };
  const bodyOf = (entry, ahead) => {
    const at = Math.max(Math.min(entry.at, Date.now()) + ahead, Date.parse(entry.earliest));
    const said = { outcome: entry.outcome, method: entry.method, lost_reason: entry.lost, note: entry.note };
    const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value));
    // A time of the server itself goes back as it came: cut to milliseconds it would lie before itself.
    return { ...given, happened_at: at === Date.parse(entry.earliest) ? entry.earliest : new Date(at).toISOString() };
  };

  let loggedOut = false;
  // "sent", "refused" with why, or "later". What was sent before goes again word for word.
  const send = async (entry, ahead) => {
    entry.body ??= bodyOf(entry, ahead);
    await keep(entry);
    const answer = await window.ridgeline.call("POST", entry.path, entry.body, { "Idempotency-Key": entry.key });
    if (answer.ok) return ["sent"];
    const problem = await answer.clone().json().catch(() => ({}));
    loggedOut = answer.status === 401;
    if (LATER.has(answer.status) || answer.status >= 500 || problem.code === "request-in-progress") return ["later"];
    return ["refused", await window.ridgeline.refusalOf(answer)];
  };

  const sendAll = async () => {
    const waiting = (await own()).filter((each) => !each.why);
    if (!waiting.length) return;
    const ahead = await aheadOfUs();
    for (const entry of waiting) {
      const [how, why] = await send(entry, ahead);
      if (how === "later") break;
      if (how === "sent") {
        const stop = stopOf(entry);
        if (stop) stop.dataset.earliest = entry.body.happened_at;
        await drop(entry.number);
        tell(entry, `Sent: ${entry.title}`);
      } else {
        await keep({ ...entry, why, body: null }); // refused means not kept there: it may be said anew
        const stop = stopOf(entry);
        if (stop) {
          stop.dataset.last = entry.before;
          offer(stop);
        }
        tell(entry, `Not taken: ${entry.title}`);
      }
    }
  };
  let timer;
  const flush = async () => {
    clearTimeout(timer);
    try {
      await navigator.locks.request("ridgeline-canvass", sendAll);
    } catch { /* no connection: the queue stays as it is */ }
    await show();
    if ((await own()).some((each) => !each.why)) timer = setTimeout(flush, AGAIN_AFTER);
  };

  // What is shown.
  const stopOf = (entry) => document.getElementById(`stop-${entry.sale}`);
  const tell = (entry, words) => {
    const stop = stopOf(entry);
    if (stop) stop.querySelector("[data-told]").textContent = words;
  };
  const offer = (stop) => {
    for (const button of stop.querySelectorAll("[data-after]")) {
      button.hidden = !button.dataset.after.split(" ").includes(stop.dataset.last);
    }
  };
  const button = (words, name, deed) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "touch";
    made.textContent = words;
    made.setAttribute("aria-label", `${words}: ${name}`);
    made.addEventListener("click", deed);
    return made;
  };
  const line = (entry) => {
    const name = `${entry.title}, ${entry.address}`;
    const item = document.createElement("li");
    const words = document.createElement("p");
    words.textContent = `${name}${entry.note ? `: ${entry.note}` : ""}${entry.why ? ` (not taken: ${entry.why})` : ""}`;
    item.append(words);
    if (entry.why) {
      item.append(
        button("Send again", name, async () => { await keep({ ...entry, why: null }); await flush(); }),
        button("Remove", name, async () => {
          await navigator.locks.request("ridgeline-canvass", () => drop(entry.number)); // not while it is being sent again
          await show();
        }),
      );
    }
    return item;
  };
  const show = async () => {
    const entries = await own();
    const failed = entries.filter((each) => each.why).length;
    const waiting = entries.length - failed;
    const words = [
      waiting ? `${waiting} ${waiting === 1 ? "report waits" : "reports wait"} for a connection; keep this page open or come back to it.` : "",
      waiting && loggedOut ? "Your session has ended: log in again to send what waits." : "",
      failed ? `${failed} ${failed === 1 ? "was" : "were"} not taken.` : "",
    ];
    root.querySelector("[data-state]").textContent = words.filter(Boolean).join(" ");
    root.querySelector("[data-list]").replaceChildren(...entries.map(line));
    root.querySelector("[data-kept]").hidden = !entries.length;
  };

  // A touch: kept first, sent afterwards.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const pressed = event.submitter;
    if (!form.dataset.report || !pressed) return;
    event.preventDefault();
    if (event.timeStamp - Number(form.dataset.touched ?? -Infinity) < ONE_TOUCH) return;
    form.dataset.touched = event.timeStamp;
    const stop = form.closest(".stop");
    const entry = {
      user, key: crypto.randomUUID(), sale: stop.id.slice("stop-".length), path: form.dataset.report, address: form.dataset.address,
      title: pressed.textContent, outcome: pressed.dataset.outcome, method: pressed.dataset.method, lost: pressed.dataset.lost,
      note: form.elements.note.value.trim(), at: Date.now(), earliest: stop.dataset.earliest, before: stop.dataset.last, body: null, why: null,
    };
    try {
      await keep(entry);
    } catch { // this device keeps nothing: the form goes as it does without a script
      delete form.dataset.report;
      form.requestSubmit(pressed);
      return;
    }
    form.elements.note.value = "";
    stop.dataset.last = entry.outcome;
    offer(stop);
    tell(entry, `Kept: ${entry.title}`);
    await show();
    await flush();
  });

  // The worker keeps the page once it has been there; the first time it is asked for again, as the worker came too late.
  const keepPage = async () => {
    if (!navigator.serviceWorker || !window.caches) return;
    await navigator.serviceWorker.register(root.dataset.worker, { scope: PAGE });
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }));
    }
    const files = [...document.querySelectorAll("script[src], link[rel=stylesheet]")].map((each) => each.src || each.href);
    const cache = await caches.open("canvass");
    if (!await cache.match(PAGE)) await fetch(location.href, { headers: { Accept: "text/html" } });
    for (const file of files) await fetch(file);
    root.querySelector("[data-ready]").hidden = !await cache.match(PAGE);
  };

  const here = root.querySelector("[data-here]");
  if (here && navigator.geolocation) {
    here.hidden = false;
    here.addEventListener("click", () => navigator.geolocation.getCurrentPosition(
      // Three decimals are about a hundred yards: enough to choose the first door, and no trail of a person.
      ({ coords }) => location.assign(`${PAGE}?lat=${coords.latitude.toFixed(3)}&lng=${coords.longitude.toFixed(3)}`),
      () => window.ridgeline.say("Where you are is not known. The way starts from the best lead."),
      { timeout: 10000, maximumAge: 60000 },
    ));
  }
  const age = root.querySelector("[data-age]");
  const made = new Date(root.dataset.made);
  const says = () => {
    age.hidden = navigator.onLine;
    age.textContent = `No connection. This is the way as of ${made.toLocaleString()}.`;
  };
  window.addEventListener("online", () => { says(); flush(); });
  window.addEventListener("offline", says);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
  says();
  const begin = async () => {
    for (const entry of await own()) {
      const stop = stopOf(entry);
      if (!stop) continue;
      if (!entry.why) stop.dataset.last = entry.outcome;
      offer(stop);
      tell(entry, entry.why ? `Not taken: ${entry.title}` : `Kept: ${entry.title}`);
    }
    await show();
    await flush();
  };
  // Without a store the forms go by themselves, without a worker the page still queues while it is open.
  begin().catch(() => {}).then(keepPage).catch(() => {});
})();
