// The page: draws what the server says of its pages, sends files and orders, and shows how the work goes.
// Text of files and messages only ever becomes textContent.

const POLL_MS = 400;
const ARROW = "M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 16v3h14v-3";
const GONE = "maskreel web does not answer any more; start it again, and open the address that it prints.";

const main = document.querySelector("main");
const announcer = document.querySelector("#announcer");
let house; // pages and limits, as the server tells
let view; // the page that is shown: { name, page, job, inputs, steps, ... }

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function arrow() {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", width: 40, height: 40, "aria-hidden": true })) svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({ d: ARROW, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round" })) path.setAttribute(name, value);
  svg.append(path);
  return svg;
}

async function ask(path, method = "GET", body = undefined) {
  let answer;
  try {
    answer = await fetch(path, { method, body: body && JSON.stringify(body) });
  } catch {
    throw new Error(GONE);
  }
  if (answer.status === 204) return null;
  const value = await answer.json().catch(() => ({ error: GONE }));
  if (!answer.ok) throw Object.assign(new Error(value.error), { status: answer.status });
  return value;
}

// --- the page and its job ---

function show(name) {
  stopUploads();
  view = { name, page: house.pages[name], job: null, inputs: {}, steps: {}, uploads: new Set() };
  document.title = `${view.page.title} · maskreel`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const files = make("section", { class: "card", "aria-labelledby": "files" });
  view.fault = make("p", { class: "fault", role: "alert", hidden: true });
  view.over = make("button", { type: "button", class: "over quiet", hidden: true, onclick: startOver }, "Start over");
  const row = make("div", { class: "inputs" }, ...view.page.inputs.map(drawInput));
  const required = view.page.inputs.filter((input) => input.required);
  const title = heading(1, required.length > 1 ? "Your files" : required[0].label, "files");
  files.append(title, view.over, row, view.fault);
  main.replaceChildren(make("h1", {}, view.page.title), make("p", { class: "lead" }, view.page.about), files, ...view.page.steps.map(drawStep));
  update(null);
  resume();
}

function heading(number, text, id) {
  return make("h2", { id }, make("span", { class: "number", "aria-hidden": "true" }, String(number)), text);
}

// A reloaded tab goes on with the job that it had.
async function resume() {
  const mine = view;
  const id = sessionStorage.getItem(`job ${view.name}`);
  if (!id) return;
  try {
    const job = await ask(`jobs/${id}`);
    if (mine === view) follow(job);
  } catch (error) {
    if (error.status === 404) sessionStorage.removeItem(`job ${mine.name}`);
    else complain(error);
  }
}

async function needJob() {
  view.creating ??= view.job ? Promise.resolve(view.job) : ask("jobs", "POST", { page: view.name });
  try {
    const job = await view.creating;
    sessionStorage.setItem(`job ${view.name}`, job.id);
    view.job ??= job;
    return view.job;
  } finally {
    view.creating = null;
  }
}

async function startOver() {
  stopUploads();
  sessionStorage.removeItem(`job ${view.name}`);
  const job = view.job;
  show(view.name);
  main.querySelector("input[type=file]").focus();
  if (job) await ask(`jobs/${job.id}`, "DELETE").catch(() => null);
}

function complain(error) {
  view.fault.textContent = error.message;
  view.fault.hidden = false;
}

// --- files ---

function drawInput(input) {
  const field = make("input", { type: "file", class: "unseen", id: `file-${input.key}`, accept: input.suffixes.join(",") });
  const pick = make("label", { class: "pick", for: field.id });
  const name = make("strong");
  const hint = make("span", { class: "hint" });
  const bar = make("progress", { max: 1, hidden: true, "aria-label": `Sending: ${input.label}` });
  const stop = make("button", { class: "quiet", hidden: true, type: "button" }, "Cancel");
  const box = make("div", { class: input.required ? "input" : "input optional" }, arrow(), name, hint, bar, field, pick, stop);
  field.addEventListener("change", () => { if (field.files[0]) send(input, field.files[0]); field.value = ""; });
  box.addEventListener("dragover", () => box.classList.add("over"));
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  view.inputs[input.key] = { input, box, name, hint, bar, pick, stop };
  return box;
}

function fillInput(part, job) {
  const given = job?.files[part.input.key];
  part.box.classList.toggle("filled", given != null);
  const only = part.input.required && view.page.inputs.filter((input) => input.required).length === 1;
  const label = part.input.label + (part.input.required ? "" : " (optional)");
  part.name.textContent = given ?? (only ? "Drop it here" : label);
  part.hint.textContent = given == null ? part.input.hint : label;
  part.pick.replaceChildren(given == null ? "Choose a file" : "Replace", make("span", { class: "unseen" }, `: ${label}`));
  part.stop.textContent = part.sending ? "Cancel" : "Remove";
  part.stop.hidden = !part.sending && (given == null || part.input.required || busy(job));
  part.stop.onclick = part.sending ? () => part.sending.abort() : () => dropFile(part);
  part.bar.hidden = !part.sending;
  part.pick.hidden = Boolean(part.sending) || busy(job);
  part.box.querySelector("input").disabled = part.pick.hidden;
}

async function dropFile(part) {
  try {
    update(await ask(`jobs/${view.job.id}/files/${part.input.key}`, "DELETE"));
  } catch (error) {
    complain(error);
  }
}

async function send(input, file) {
  const mine = view;
  const part = view.inputs[input.key];
  if (part.sending || busy(view.job)) return;
  view.fault.hidden = true;
  try {
    if (file.size > house.maxBytes) throw new Error(house.tooLarge);
    const job = await needJob();
    const state = await put(part, job, file);
    if (mine !== view) return;
    update(state);
    const first = view.page.steps[0];
    if (input.required && first.atOnce && ready(state)) await run(first);
  } catch (error) {
    if (mine !== view) return;
    update(view.job);
    if (error.name !== "AbortError") complain(error);
  }
}

// XMLHttpRequest, because fetch does not tell how much has been sent.
function put(part, job, file) {
  const request = new XMLHttpRequest();
  part.sending = request;
  view.uploads.add(request);
  fillInput(part, job);
  part.name.textContent = file.name;
  part.hint.textContent = "Sending …";
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => { part.bar.value = event.loaded / event.total; };
    request.onload = () => {
      const value = JSON.parse(request.responseText || "{}");
      if (request.status < 300) resolve(value);
      else reject(new Error(value.error ?? GONE));
    };
    request.onerror = () => reject(new Error(GONE));
    request.onabort = () => reject(Object.assign(new Error("stopped"), { name: "AbortError" }));
    request.open("PUT", `jobs/${job.id}/files/${part.input.key}?name=${encodeURIComponent(file.name)}`);
    request.send(file);
  }).finally(() => { part.sending = null; part.bar.removeAttribute("value"); });
}

function stopUploads() {
  for (const request of view?.uploads ?? []) request.abort();
}

// A file dropped anywhere goes where it was dropped, else to the first place that is free.
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  if (!file || !view) return;
  const parts = Object.values(view.inputs);
  parts.forEach((part) => part.box.classList.remove("over"));
  const part = parts.find((one) => one.box.contains(event.target))
    ?? parts.find((one) => one.input.required && !view.job?.files[one.input.key]) ?? parts[0];
  send(part.input, file);
});

// --- steps ---

function drawStep(step, index) {
  const part = { step, selects: {} };
  const options = make("div", { class: "options" });
  for (const choice of step.choices) {
    const select = make("select", {}, ...choice.options.map(([value, text]) => make("option", { value }, text)));
    part.selects[choice.key] = select;
    options.append(make("label", {}, choice.label, select));
  }
  part.button = make("button", { type: "button", onclick: () => run(step) }, step.button);
  options.append(part.button);
  part.options = options;
  part.stage = make("p", {});
  part.bar = make("progress", { "aria-label": step.title });
  part.cancel = make("button", { type: "button", onclick: cancel }, "Cancel");
  part.work = make("div", { class: "work", hidden: true }, part.stage, part.bar, part.cancel);
  part.fault = make("p", { class: "fault", role: "alert", hidden: true });
  part.note = make("p", { class: "note", hidden: true });
  part.results = make("div", {});
  part.card = make("section", { class: "card", "aria-labelledby": `step-${step.key}` },
    heading(index + 2, step.title, `step-${step.key}`), make("p", { class: "about" }, step.about),
    make("div", { class: "body" }, part.results, options), part.note, part.fault, part.work);
  view.steps[step.key] = part;
  return part.card;
}

const busy = (job) => job?.status === "waiting" || job?.status === "running";
const ready = (job) => job != null && view.page.inputs.every((input) => !input.required || job.files[input.key] != null);

async function run(step) {
  view.fault.hidden = true;
  const chosen = {};
  for (const part of Object.values(view.steps)) {
    for (const [key, select] of Object.entries(part.selects)) chosen[key] = select.value;
  }
  try {
    follow(await ask(`jobs/${view.job.id}/steps/${step.key}`, "POST", chosen));
  } catch (error) {
    complain(error);
  }
}

async function cancel() {
  try {
    update(await ask(`jobs/${view.job.id}/cancel`, "POST"));
  } catch (error) {
    complain(error);
  }
}

// Ask again and again until nothing is worked on.
async function follow(job) {
  const mine = view;
  update(job);
  if (mine.following) return;
  mine.following = true;
  try {
    while (mine === view && busy(mine.job)) {
      await new Promise((wake) => setTimeout(wake, POLL_MS));
      const state = await ask(`jobs/${mine.job.id}`);
      if (mine === view) update(state);
    }
  } catch (error) {
    if (mine === view) complain(error);
  } finally {
    mine.following = false;
  }
}

function update(job) {
  const before = view.job;
  view.job = job;
  view.over.hidden = job == null;
  Object.values(view.inputs).forEach((part) => fillInput(part, job));
  view.page.steps.forEach((step, index) => updateStep(view.steps[step.key], index, job));
  if (job && before && before.status !== job.status) announce(job);
}

function updateStep(part, index, job) {
  const { step } = part;
  const mine = job?.step === step.key;
  const working = mine && busy(job);
  const done = job?.done.includes(step.key) ?? false;
  const open = ready(job) && (index === 0 || job.done.includes(view.page.steps[index - 1].key));
  part.card.classList.toggle("later", !open);
  part.options.hidden = !open || working;
  part.button.textContent = (done && step.again) || step.button;
  part.button.disabled = busy(job);
  part.button.classList.toggle("primary", !done);
  part.work.hidden = !working;
  if (working) showWork(part, job);
  part.fault.hidden = !(mine && job.error);
  part.fault.textContent = part.fault.hidden ? "" : job.error;
  part.note.hidden = !(mine && job.notes.length);
  part.note.textContent = part.note.hidden ? "" : job.notes.join(" ");
  showResults(part, done ? job : null);
}

function showWork(part, job) {
  const progress = job.progress;
  if (progress) part.bar.value = progress.total ? progress.done / progress.total : 0;
  else part.bar.removeAttribute("value");
  if (job.status === "waiting") part.stage.textContent = "Waiting for another job to end …";
  else if (!progress) part.stage.textContent = "Getting ready …";
  else {
    const left = progress.left === "?" ? "" : `, ${progress.left} left`;
    part.stage.textContent = `${part.step.stages[progress.description] ?? progress.description}: ${Math.round(100 * part.bar.value)} %${left}`;
  }
}

function showResults(part, job) {
  const results = job?.results?.[part.step.key] ?? [];
  const version = job ? `${job.id} ${results.map((one) => `${one.key} ${one.stamp}`)}` : "";
  if (part.version === version) return; // a video that plays is left alone
  part.version = version;
  part.results.replaceChildren();
  if (!results.length) return;
  const films = results.filter((one) => one.kind === "video");
  for (const film of films) part.results.append(drawFilms(film, job));
  const links = results.filter((one) => one.download).flatMap((one) => drawLinks(one, job));
  if (links.length) part.results.append(make("div", { class: "downloads" }, ...links));
}

const address = (job, result) => `jobs/${job.id}/results/${result.key}?version=${result.stamp}`;

function drawFilms(film, job) {
  const result = drawFilm(address(job, film), film.label, true);
  const row = make("div", { class: film.beside ? "films" : "films one" }, result.figure);
  if (film.beside && job.files[film.beside] != null) {
    const other = drawFilm(`jobs/${job.id}/files/${film.beside}?round=${job.round}`, view.inputs[film.beside].input.label, false);
    other.video.muted = true;
    other.video.addEventListener("error", () => { other.figure.remove(); row.classList.add("one"); });
    row.prepend(other.figure);
    keepInStep(result.video, other.video);
  }
  return row;
}

function drawFilm(source, caption, telling) {
  const video = make("video", { src: source, controls: true, loop: true, muted: true, playsinline: true, preload: "auto", "aria-label": caption });
  video.muted = true;
  const figure = make("figure", {}, video, make("figcaption", {}, caption));
  if (telling) {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.autoplay = true;
    video.addEventListener("error", () => figure.replaceChildren(make("p", { class: "note" }, "Your browser cannot play this kind of video; download it to watch it.")));
  }
  return { video, figure };
}

// The two play, stop and jump together, whichever is used.
function keepInStep(one, other) {
  for (const [leader, led] of [[one, other], [other, one]]) {
    leader.addEventListener("play", () => led.play().catch(() => null));
    leader.addEventListener("pause", () => led.pause());
    leader.addEventListener("seeked", () => { if (Math.abs(led.currentTime - leader.currentTime) > 0.2) led.currentTime = leader.currentTime; });
  }
}

function drawLinks(result, job) {
  const file = make("a", { class: result.kind === "video" ? "button primary" : "button", href: `${address(job, result)}&download`, download: result.name },
    `Download ${result.kind === "video" ? "video" : result.label.toLowerCase()} (${result.size})`);
  if (result.kind !== "page") return [file];
  const open = make("a", { class: "button", href: address(job, result), target: "_blank", rel: "noopener" }, `Open ${result.label.toLowerCase()}`);
  return [open, file];
}

function announce(job) {
  const step = view.page.steps.find((one) => one.key === job.step);
  const words = { done: "done", cancelled: "cancelled", failed: "failed", running: "begun", waiting: "waiting" };
  if (step && words[job.status]) announcer.textContent = `${step.title}: ${words[job.status]}`;
}

// --- beginning ---

async function begin() {
  try {
    house = await ask("pages");
  } catch (error) {
    main.replaceChildren(make("p", { class: "fault", role: "alert" }, error.message));
    return;
  }
  const names = Object.keys(house.pages);
  const links = names.map((name) => make("a", { href: `#${name}` }, house.pages[name].title));
  if (links.length > 1) document.querySelector("nav").append(...links);
  const here = () => (names.includes(location.hash.slice(1)) ? location.hash.slice(1) : names[0]);
  window.addEventListener("hashchange", () => show(here()));
  show(here());
}

begin();
