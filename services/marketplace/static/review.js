// The review console: keys, boxes, decisions; the next task is there before it is wanted.
(() => {
  "use strict";
  const { call, say, refusalOf, localTimes } = window.ridgeline;
  const SVG = "http://www.w3.org/2000/svg";
  const STEP = 0.01, SMALLEST = 0.01;
  const frame = document.getElementById("console");
  const dialog = document.getElementById("reject");
  const visited = [];
  const drafts = new Map(); // what a reviewer did to a task that is not on the screen, by its id
  let ahead = null, undoable = null, busy = false, holding = null;
  let task, damages, changed, chosen, drawing;

  const find = (what) => task.querySelector(what);
  const all = (what) => [...task.querySelectorAll(what)];
  const clamp = (value) => Math.min(1, Math.max(0, value));
  const exact = (value) => Math.round(value * 10000) / 10000;
  const figure = () => all("figure").find((each) => !each.hidden);
  const image = () => figure()?.dataset.image;

  // Boxes

  const paint = () => {
    for (const each of all("figure")) {
      const layer = each.querySelector(".boxes");
      layer.replaceChildren(...damages.filter((mark) => mark.image_id === each.dataset.image).flatMap(shape));
      each.querySelector(".picture").classList.toggle("drawing", drawing);
    }
    find("#marks").replaceChildren(...damages.map(row));
    find("#no-marks").hidden = damages.length > 0;
  };

  const shape = (mark) => {
    const { box } = mark;
    const rect = document.createElementNS(SVG, "rect");
    const label = document.createElementNS(SVG, "text");
    const set = (element, values) => { for (const [name, value] of Object.entries(values)) element.setAttribute(name, value * 1000); };
    set(rect, { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top });
    set(label, { x: box.left + 0.008, y: box.top + 0.028 });
    label.textContent = `${damages.indexOf(mark) + 1}`;
    rect.classList.toggle("chosen", mark === chosen);
    return [rect, label];
  };

  const row = (mark, place) => {
    const item = document.createElement("li");
    const number = document.createElement("span");
    const kind = find("#kinds").content.firstElementChild.cloneNode(true);
    const drop = document.createElement("button");
    number.textContent = `${place + 1}`;
    kind.value = mark.damage;
    kind.ariaLabel = `Kind of damage ${place + 1}`;
    kind.addEventListener("change", () => { mark.damage = kind.value; changed = true; });
    drop.type = "button";
    drop.textContent = "Delete";
    drop.ariaLabel = `Delete damage ${place + 1}`;
    drop.addEventListener("click", () => { choose(mark); remove(); });
    item.classList.toggle("chosen", mark === chosen);
    item.append(number, kind, drop);
    item.addEventListener("focusin", () => { if (chosen !== mark) { chosen = mark; show(mark.image_id); outline(); } });
    return item;
  };

  const outline = () => {
    const rows = [...find("#marks").children];
    rows.forEach((item, place) => item.classList.toggle("chosen", damages[place] === chosen));
    for (const each of all("figure")) {
      const mine = damages.filter((mark) => mark.image_id === each.dataset.image);
      [...each.querySelectorAll(".boxes rect")].forEach((rect, place) => rect.classList.toggle("chosen", mine[place] === chosen));
    }
  };

  const choose = (mark) => { chosen = mark; if (mark) show(mark.image_id); paint(); };
  const chooseNext = () => {
    if (!damages.length) return say("No damage is marked. D draws a box.");
    choose(damages[(damages.indexOf(chosen) + 1) % damages.length]);
    say(`Damage ${damages.indexOf(chosen) + 1}: ${kindName(chosen.damage)}`);
  };
  const kinds = () => [...find("#kinds").content.firstElementChild.options];
  const kindName = (kind) => kinds().find((option) => option.value === kind).text;
  const turnKind = () => {
    if (!chosen) return chooseNext();
    const values = kinds().map((option) => option.value);
    chosen.damage = values[(values.indexOf(chosen.damage) + 1) % values.length];
    changed = true;
    paint();
    say(kindName(chosen.damage));
  };
  const remove = () => {
    if (!chosen) return say("Choose a box with B first.");
    damages.splice(damages.indexOf(chosen), 1);
    chosen = null; drawing = false; changed = true;
    paint();
    say("Deleted.");
  };
  const draw = () => {
    if (!image()) return say("There is no picture to draw on.");
    if (drawing) return finish();
    drawing = true;
    chosen = { image_id: image(), damage: chosen?.damage ?? kinds()[0].value, box: { left: 0.4, top: 0.4, right: 0.6, bottom: 0.6 } };
    damages.push(chosen);
    changed = true;
    figure().querySelector("[name=boxes]").checked = true;
    paint();
    say("Arrows move the box, Shift and arrows size it, Enter is done. Or drag with the mouse.", 0);
  };
  const finish = () => { drawing = false; paint(); say("Drawn. T changes its kind."); };
  const move = (key, sizing) => {
    const { box } = chosen;
    const across = key === "ArrowLeft" || key === "ArrowRight";
    const way = (key === "ArrowRight" || key === "ArrowDown" ? 1 : -1) * STEP;
    const [near, far] = across ? ["left", "right"] : ["top", "bottom"];
    const size = box[far] - box[near];
    if (sizing) box[far] = exact(Math.max(box[near] + SMALLEST, clamp(box[far] + way)));
    else { box[near] = exact(Math.min(1 - size, clamp(box[near] + way))); box[far] = exact(box[near] + size); }
    if (box[far] > 1) { box[near] = exact(Math.max(0, box[near] - (box[far] - 1))); box[far] = 1; }
    changed = true;
    paint();
  };

  const dragging = (event) => {
    const picture = event.target.closest(".picture");
    if (!drawing || !picture) return;
    event.preventDefault();
    const edge = picture.getBoundingClientRect();
    const at = (e) => [exact(clamp((e.clientX - edge.left) / edge.width)), exact(clamp((e.clientY - edge.top) / edge.height))];
    const [x, y] = at(event);
    const stretch = (e) => {
      const [u, v] = at(e);
      const [left, top] = [Math.min(x, u, 1 - SMALLEST), Math.min(y, v, 1 - SMALLEST)];
      Object.assign(chosen.box, { left, right: Math.max(x, u, exact(left + SMALLEST)), top, bottom: Math.max(y, v, exact(top + SMALLEST)) });
      paint();
    };
    const drop = () => { document.removeEventListener("pointermove", stretch); finish(); };
    document.addEventListener("pointermove", stretch);
    document.addEventListener("pointerup", drop, { once: true });
  };

  // Pictures

  const show = (id) => {
    for (const each of all("figure")) each.hidden = each.dataset.image !== id;
    for (const button of all("[data-show]")) button.toggleAttribute("aria-current", button.dataset.show === id);
  };
  const turnPicture = () => {
    const ids = all("figure").map((each) => each.dataset.image);
    if (ids.length > 1) show(ids[(ids.indexOf(image()) + 1) % ids.length]);
  };
  const toggle = (name) => { const box = figure()?.querySelector(`[name=${name}]`); if (box) box.checked = !box.checked; };

  // Tasks

  const fetchPart = async (id) => {
    const answer = await call("GET", `/review/${id}/part`);
    if (!answer.ok) throw new Error(await refusalOf(answer));
    return answer.text();
  };
  const partOf = (id) => (ahead?.id === id ? ahead.part : fetchPart(id));
  const loadAhead = (id) => {
    if (!id || ahead?.id === id) return;
    const part = fetchPart(id).then((html) => {
      for (const [, source] of html.matchAll(/<img src="([^"]+)"/g)) new Image().src = source;
      return html;
    });
    part.catch(() => { ahead = null; });
    ahead = { id, part };
  };

  const begin = () => {
    task = document.getElementById("task");
    if (!task) return;
    damages = JSON.parse(task.dataset.damages);
    changed = false; chosen = null; drawing = false;
    resume(drafts.get(task.dataset.task));
    localTimes(task);
    paint();
    loadAhead(task.dataset.next);
    holding = task.dataset.open ? hold(task.dataset.task) : null;
  };
  const keep = () => {
    if (task) drafts.set(task.dataset.task, { condition: find("[name=condition]:checked")?.value, notes: find("[name=notes]").value, damages, changed });
  };
  const resume = (draft) => {
    if (!draft) return;
    ({ damages, changed } = draft);
    find("[name=notes]").value = draft.notes;
    for (const each of all("[name=condition]")) each.checked = each.value === draft.condition;
  };
  const hold = async (id) => {
    const answer = await call("POST", `/api/review/tasks/${id}/claim`);
    if (!answer.ok) say(await refusalOf(answer));
  };
  const open = async (id) => {
    const part = await partOf(id);
    keep();
    frame.innerHTML = part;
    history.replaceState(null, "", `/review/${id}`);
    begin();
    document.getElementById("task-head").focus({ preventScroll: true });
  };
  const nothing = () => {
    keep();
    task = null;
    frame.replaceChildren(document.getElementById("nothing").content.cloneNode(true));
    history.replaceState(null, "", "/review");
  };
  const next = async () => {
    if (!task?.dataset.next) return say("This is the last task that waits.");
    visited.push(task.dataset.task);
    await open(task.dataset.next);
  };
  const back = async () => {
    const id = visited.pop();
    if (!id) return say("There is no task before this one.");
    await open(id);
  };

  // Decisions

  const word = () => ({
    condition: find("[name=condition]:checked")?.value,
    notes: find("[name=notes]").value.trim() || undefined,
    corrections: changed ? { damages } : undefined,
  });
  const decide = async (verb, body, said) => {
    const id = task.dataset.task;
    await holding; // a word that overtakes its claim would be claimed after it is decided
    const answer = await call("POST", `/api/review/tasks/${id}/${verb}`, body);
    if (!answer.ok) return say(await refusalOf(answer), 10);
    const told = await answer.json();
    undoable = id;
    visited.push(id);
    say(`${said}${told.decided ? "" : " Another reviewer looks as well."} U takes it back.`, 10);
    await (told.next_id ? open(told.next_id) : nothing());
    tellProgress();
  };
  const approve = () => {
    if (!find("[name=condition]:checked")) return say("Choose a condition with 1 to 5 first.");
    return decide("approve", word(), "Approved.");
  };
  const askWhyNot = () => { dialog.querySelector("form").reset(); dialog.showModal(); dialog.querySelector("[name=reason]").focus(); };
  const reject = () => {
    const form = new FormData(dialog.querySelector("form"));
    const words = String(form.get("words")).trim();
    return decide("reject", { notes: words ? `${form.get("reason")}: ${words}` : form.get("reason") }, "Rejected.");
  };
  const undo = async () => {
    if (!undoable) return say("There is nothing to take back.");
    const answer = await call("POST", `/api/review/tasks/${undoable}/undo`);
    if (!answer.ok) return say(await refusalOf(answer), 10);
    const id = undoable;
    undoable = null;
    ahead = null;
    await open(id);
    tellProgress();
    say("Taken back.");
  };
  const tellProgress = async () => {
    const answer = await call("GET", "/review/progress");
    if (answer.ok) document.getElementById("progress").innerHTML = await answer.text();
  };

  // One thing at a time: a key pressed while an answer is awaited is not a second decision.
  const run = async (deed) => {
    if (busy) return;
    busy = true;
    try { await deed(); } catch (error) { say(`${error.message || "The server cannot be reached."} Nothing was changed.`, 10); } finally { busy = false; }
  };

  const DEEDS = { a: approve, r: askWhyNot, u: undo, j: next, k: back, d: draw, b: chooseNext, t: turnKind, x: remove, delete: remove, p: turnPicture, m: () => toggle("mask"), o: () => toggle("boxes") };
  const WITHOUT_TASK = new Set(["u", "k"]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (dialog.open) return dialogKey(event);
    if (event.target.matches("textarea, select, input:not([type=radio], [type=checkbox])")) { if (event.key === "Escape") event.target.blur(); return; }
    const key = event.key.toLowerCase();
    if (drawing && key.startsWith("arrow")) move(event.key, event.shiftKey);
    else if (drawing && key === "enter") finish();
    else if (drawing && key === "escape") remove();
    else if (chosen && key.startsWith("arrow") && !event.target.matches("input")) move(event.key, event.shiftKey);
    else if (task && /^[1-5]$/.test(key)) { const all5 = all("[name=condition]"); all5[Number(key) - 1].checked = true; }
    else if (DEEDS[key] && (task || WITHOUT_TASK.has(key))) run(DEEDS[key]);
    else return;
    event.preventDefault();
  });
  const dialogKey = (event) => {
    const choices = dialog.querySelectorAll("[name=reason]");
    if (/^[1-9]$/.test(event.key) && choices[event.key - 1] && event.target.name !== "words") { choices[event.key - 1].checked = true; event.preventDefault(); }
  };
  dialog.addEventListener("close", () => { if (dialog.returnValue === "reject") run(reject); dialog.returnValue = ""; });
  document.getElementById("reject-cancel").addEventListener("click", () => dialog.close());
  document.addEventListener("pointerdown", (event) => { if (task) dragging(event); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!task || !button) return;
    if (button.dataset.do) run({ approve, reject: askWhyNot, draw, undo }[button.dataset.do]);
    if (button.dataset.show) show(button.dataset.show);
  });
  begin();
})();
