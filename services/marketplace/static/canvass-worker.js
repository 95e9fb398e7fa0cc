// Keeps the last route page and its files for when there is no connection; it answers for /my/canvass alone.
"use strict";
const CACHE = "canvass";
const PAGE = "/my/canvass";
const KEPT_FOR = 12 * 60 * 60 * 1000; // a working day: who may be contacted changes

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(caches.delete(CACHE).then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === PAGE) event.respondWith(page(request));
  else if (url.pathname.startsWith("/static/")) event.respondWith(file(request));
});

async function page(request) {
  const cache = await caches.open(CACHE);
  let answer;
  try {
    answer = await fetch(request);
  } catch (failure) {
    const kept = await cache.match(PAGE);
    if (kept && Date.now() - Date.parse(kept.headers.get("date")) < KEPT_FOR) return kept;
    await cache.delete(PAGE);
    throw failure;
  }
  if (answer.ok && answer.type === "basic" && !answer.redirected) await cache.put(PAGE, answer.clone());
  return answer;
}

async function file(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.url);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request.url, answer.clone());
  return answer;
}
