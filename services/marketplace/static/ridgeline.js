// What every page does: keeps the session alive while somebody looks, shows times in the viewer's zone, says what failed.
(() => {
  "use strict";
  const REFRESH_EVERY = 8 * 60 * 1000;
  const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const csrf = () => decodeURIComponent(cookie("ridgeline_csrf"));

  // One at a time: a refresh token works once.
  let refreshing = null;
  const refresh = () => {
    refreshing ??= askRefresh().finally(() => { refreshing = null; });
    return refreshing;
  };
  const askRefresh = async () => {
    if (!csrf()) return false;
    const answer = await fetch("/api/auth/refresh", { method: "POST", headers: { "X-CSRF-Token": csrf() } });
    return answer.ok || answer.status === 409; // another tab has just refreshed
  };

  // A call of ours: proves itself with the CSRF token, and once more after the session was refreshed.
  const call = async (method, path, body, headers = {}) => {
    const send = () => fetch(path, {
      method,
      headers: { "X-CSRF-Token": csrf(), Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    let answer = await send();
    if (answer.status === 401 && await refresh()) answer = await send();
    return answer;
  };

  let silence;
  const say = (words, seconds = 6) => {
    const notice = document.getElementById("notice");
    notice.textContent = words;
    clearTimeout(silence);
    if (seconds) silence = setTimeout(() => { notice.textContent = ""; }, seconds * 1000);
  };

  const refusalOf = async (answer) => {
    const problem = await answer.json().catch(() => ({}));
    return `${problem.detail ?? "That did not work."}${problem.correlation_id ? ` (${problem.correlation_id})` : ""}`;
  };

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[title]")) time.title = new Date(time.dateTime).toLocaleString();
  };

  // A page kept for doors without a connection ends with its session: at log-out, and wherever nobody is logged in.
  const forgetKept = async () => { await window.caches?.delete("canvass"); };
  document.addEventListener("DOMContentLoaded", () => {
    const out = document.querySelector("form.out");
    if (!out) forgetKept();
    out?.addEventListener("submit", async (event) => {
      event.preventDefault();
      await forgetKept().catch(() => {});
      out.submit();
    });
  });

  document.addEventListener("DOMContentLoaded", () => localTimes(document));
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-print]")) {
      button.hidden = false;
      button.addEventListener("click", () => window.print());
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => localTimes(event.target));
  document.addEventListener("htmx:configRequest", (event) => { event.detail.headers["X-CSRF-Token"] = csrf(); });
  document.addEventListener("htmx:responseError", (event) => say(`The list could not be read (${event.detail.xhr.status}). Nothing was changed; try again.`));
  // The count of notices is asked for by every page and missed by nobody.
  document.addEventListener("htmx:sendError", (event) => event.target.id === "unread" || say("The server cannot be reached. Nothing was changed; try again."));
  if (document.querySelector("form.out")) setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_EVERY);

  window.ridgeline = { call, say, refusalOf, localTimes };
})();
