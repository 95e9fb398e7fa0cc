// Shows notices that the push service brings while no page of ours is open, and opens their page; it answers for nothing.
"use strict";
const ALL = "/my/notices";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// A push must show something: what cannot be read still says where to look.
const read = (data) => {
  try {
    return data.json() ?? {};
  } catch {
    return {};
  }
};

self.addEventListener("push", (event) => {
  const { title, words, link, tag } = event.data ? read(event.data) : {};
  event.waitUntil(self.registration.showNotification(title || "A notice from Ridgeline", {
    body: words || "It stands in your account, under Notices.",
    tag: tag || ALL, // the same message twice is one notice
    data: { link: link || ALL },
  }));
});

// A page of ours and no other, whatever the message says.
const ours = (link) => {
  const { origin } = self.location;
  try {
    const url = new URL(link, origin);
    if (url.origin === origin) return url.href;
  } catch { /* no address at all */ }
  return new URL(ALL, origin).href;
};

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(ours(event.notification.data?.link ?? ALL)));
});
