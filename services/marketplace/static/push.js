// The button that lets this browser show notices, and the end of a device, which takes the browser's word back as well.
(() => {
  "use strict";
  const root = document.getElementById("push");
  const SCOPE = "/my/notices";
  const MINE = "ridgeline-push-device"; // which of the listed devices is this browser
  const WORDS = {
    unable: "This browser cannot show notices of a page that is not open.",
    denied: "Your browser does not let us show notices. Allow them in its settings for this page, then come back.",
    failed: "Your browser could not reach its push service. Nothing was changed; try again later.",
    on: "This device shows your notices.",
  };
  if (!root) return;
  const button = document.getElementById("push-on");
  const say = (words) => { document.getElementById("push-state").textContent = words; };
  const able = () => window.isSecureContext && navigator.serviceWorker && window.PushManager && window.Notification;

  const bytes = (text) => {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const registration = () => navigator.serviceWorker.getRegistration(SCOPE);

  const subscribe = async () => {
    await navigator.serviceWorker.register(root.dataset.worker, { scope: SCOPE });
    const worker = await navigator.serviceWorker.ready;
    const wish = { userVisibleOnly: true, applicationServerKey: bytes(root.dataset.key) };
    try {
      return await worker.pushManager.subscribe(wish);
    } catch (failure) {
      const old = await worker.pushManager.getSubscription();
      if (failure.name !== "InvalidStateError" || !old) throw failure;
      await old.unsubscribe(); // made for an earlier key of ours
      return worker.pushManager.subscribe(wish);
    }
  };

  const turnOn = async () => {
    if (await Notification.requestPermission() !== "granted") return say(WORDS.denied);
    let made;
    try {
      made = (await subscribe()).toJSON();
    } catch {
      return say(WORDS.failed);
    }
    const body = { endpoint: made.endpoint, keys: { p256dh: made.keys.p256dh, auth: made.keys.auth } };
    const answer = await window.ridgeline.call("POST", "/api/notices/push/devices", body, { "Idempotency-Key": crypto.randomUUID() });
    if (!answer.ok) return say(await window.ridgeline.refusalOf(answer));
    localStorage.setItem(MINE, (await answer.json()).id);
    window.location.reload();
  };

  const unsubscribe = async () => {
    localStorage.removeItem(MINE);
    await (await (await registration())?.pushManager.getSubscription())?.unsubscribe();
  };

  for (const form of document.querySelectorAll("[data-push-device]")) {
    if (form.dataset.pushDevice !== localStorage.getItem(MINE)) continue;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await unsubscribe().catch(() => {});
      form.submit();
    });
  }

  const listed = [...document.querySelectorAll("[data-push-device]")].some((form) => form.dataset.pushDevice === localStorage.getItem(MINE));
  if (!able()) say(WORDS.unable);
  else if (Notification.permission === "denied") say(WORDS.denied);
  else if (listed && Notification.permission === "granted") say(WORDS.on);
  else {
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      await turnOn().catch(() => say(WORDS.failed));
      button.disabled = false;
    });
  }
})();
