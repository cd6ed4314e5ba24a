"use strict";
// State, controls and when to draw. The state is the address: a view can be shared.

const $ = (id) => document.getElementById(id);
const DEFAULT = { source: "linear", target: "lazy", kappa: 1, rho: 1, clock: "own", shift: 1, steps: 8, data: "one", time: 0.25, morph: 1, seed: 7, lang: "numpy" };
const state = { ...DEFAULT };
const sides = { source: new Side(), target: new Side() };
const STEPPED = { kappa: KAPPAS, rho: RHOS, shift: SHIFTS };
const still = matchMedia("(prefers-reduced-motion: reduce)");
const spread = new Float64Array(LEVELS + 1), density = new Float64Array(81);
const times = Float64Array.from({ length: POINTS }, (_, k) => k / (POINTS - 1));
const counts = Float64Array.from({ length: MOST_STEPS }, (_, k) => Math.log2(k + 1));
const errorRow = new Float64Array(MOST_STEPS);
let fans, panels, plane, errorPlot, reach = 3, flowing = false, converting = 0, place = 0, frame = 0, last = 0;
const dirty = { model: true, figures: true, fan: true, words: true };

const nearest = (list, value) => list.reduce((best, v, k) => (Math.abs(v - value) < Math.abs(list[best] - value) ? k : best), 0);

// -- the address ------------------------------------------------------------------------------------------------

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key in DEFAULT) {
    const text = given.get(key);
    state[key] = text === null || text === "" ? DEFAULT[key] : typeof DEFAULT[key] === "number" ? Number(text) : text;
  }
  for (const key in STEPPED) state[key] = STEPPED[key][nearest(STEPPED[key], Number.isFinite(state[key]) ? state[key] : DEFAULT[key])];
  const within = (key, low, high) => (state[key] = Number.isFinite(state[key]) ? Math.min(high, Math.max(low, state[key])) : DEFAULT[key]);
  within("time", 0, 1);
  within("morph", 0, 1);
  within("seed", 1, 4294967295);
  state.steps = Math.round(within("steps", 1, MOST_STEPS));
  const known = { source: SETTINGS.names, target: SETTINGS.names, clock: CLOCKS, data: SETTINGS.laws, lang: SETTINGS.languages };
  for (const key in known) if (!Object.hasOwn(known[key], state[key])) state[key] = DEFAULT[key];
}

function address() {
  const kept = Object.entries(state).filter(([key, value]) => value !== DEFAULT[key]);
  return kept.length ? `#${new URLSearchParams(kept)}` : "#";
}

let addressTimer = 0;
function writeAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => history.replaceState(null, "", address()), 150);
}

// -- controls -----------------------------------------------------------------------------------------------------

function showControls() {
  for (const id of ["source", "target", "clock", "lang"]) $(id).value = state[id];
  for (const id in STEPPED) $(id).value = nearest(STEPPED[id], state[id]);
  $("steps").value = state.steps;
  $("time").value = Math.round(200 * state.time);
  $("morph").value = Math.round(100 * state.morph);
  document.querySelector(`[name="data"][value="${state.data}"]`).checked = true;
  showOutputs();
}

function showOutputs() {
  const told = { kappa: tidy(state.kappa), rho: tidy(state.rho), shift: tidy(state.shift), steps: String(state.steps), time: state.time.toFixed(3), morph: `${Math.round(100 * state.morph)} %` };
  for (const id in told) {
    if ($(`${id}-out`).textContent !== told[id]) $(`${id}-out`).textContent = told[id];
    $(id).setAttribute("aria-valuetext", told[id]);
  }
}

function change(key, value, ...parts) {
  if (state[key] === value) return;
  state[key] = value;
  for (const part of parts) dirty[part] = true;
  dirty.words = true;
  showOutputs();
  writeAddress();
  ask();
}

function listen() {
  const all = ["model", "figures", "fan"];
  for (const id of ["source", "target", "clock"]) $(id).addEventListener("input", () => change(id, $(id).value, ...all));
  for (const id in STEPPED) $(id).addEventListener("input", () => change(id, STEPPED[id][$(id).value], ...all));
  $("steps").addEventListener("input", () => change("steps", Number($("steps").value), "figures"));
  $("time").addEventListener("input", () => change("time", $("time").value / 200, "figures", "fan"));
  $("morph").addEventListener("input", () => { converting = 0; change("morph", $("morph").value / 100, "fan"); });
  for (const input of document.querySelectorAll('[name="data"]')) input.addEventListener("input", () => change("data", input.value, ...all));
  $("lang").addEventListener("input", () => change("lang", $("lang").value));
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("swap").addEventListener("click", () => set({ source: state.target, target: state.source }));
  $("reset").addEventListener("click", () => set(DEFAULT));
  $("convert").addEventListener("click", convert);
  $("flow").addEventListener("click", () => flow(!flowing));
  $("noise").addEventListener("click", () => { FAN.setup((state.seed = 1 + Math.floor(Math.random() * 99999))); dirty.fan = true; writeAddress(); ask(); });
  $("link").addEventListener("click", () => { history.replaceState(null, "", address()); copy(location.href, "link-said"); });
  $("copy-code").addEventListener("click", () => copy($("code").textContent, "code-said"));
  $("copy-command").addEventListener("click", () => copy($("command").textContent, "code-said"));
  for (const id of ["fan-source", "fan-target"]) scrub($(id), id.slice(4));
  addEventListener("hashchange", () => { readAddress(); refresh(); });
  addEventListener("resize", resize);
  document.addEventListener("visibilitychange", ask);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); refresh(); });
  still.addEventListener("change", () => still.matches && flow(false));
}

function set(values) {
  Object.assign(state, values);
  writeAddress();
  refresh();
}

function refresh() {
  FAN.setup(state.seed);
  showControls();
  Object.assign(dirty, { model: true, figures: true, fan: true, words: true });
  ask();
}

function convert() {
  if (still.matches) return set({ morph: state.morph < 0.5 ? 1 : 0 });
  converting = 1;
  state.morph = 0;
  ask();
}

function flow(on) {
  flowing = on;
  $("flow").setAttribute("aria-pressed", String(on));
  $("flow").textContent = on ? "Hold the noise" : "Let the noise flow";
  ask();
}

// Dragging on a fan moves the marked time; on the source it is the source's time that follows the finger.
function scrub(canvas, which) {
  const move = (event) => {
    if (event.buttons === 0 && event.type !== "pointerdown") return;
    const plot = fans[which], box = canvas.getBoundingClientRect();
    const t = Math.min(1, Math.max(0, (event.clientX - box.left - plot.left) / (plot.width - plot.left - plot.right)));
    const time = which === "target" ? t : sides.target.timeOf(ratioAt(sides.source, t));
    if (!(time >= 0)) return;
    change("time", Math.round(200 * time) / 200, "figures", "fan");
    $("time").value = Math.round(200 * state.time);
  };
  canvas.addEventListener("pointerdown", move);
  canvas.addEventListener("pointermove", move);
}

async function copy(text, where) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch { // refused on pages opened from a file by some browsers
    const area = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  $(where).textContent = done ? "Copied" : "Select and copy by hand";
  setTimeout(() => ($(where).textContent = ""), 2500);
}

// -- frames -------------------------------------------------------------------------------------------------------

function ask() {
  if (!frame && !document.hidden) frame = requestAnimationFrame(tick);
}

function tick(now) {
  frame = 0;
  const elapsed = Math.min(50, now - last);
  last = now;
  if (converting > 0) advance(elapsed);
  const moving = flowing && (fans.source.visible || fans.target.visible);
  if (moving) FAN.turn((elapsed / 4000) * (Math.PI / 2));
  if (dirty.model) remodel();
  if (dirty.fan || dirty.model || moving) paintFans();
  if (dirty.figures) paintFigures();
  if (dirty.words) words();
  dirty.model = dirty.fan = dirty.figures = dirty.words = false;
  if (moving || converting > 0) ask();
}

function advance(elapsed) {
  state.morph = Math.min(1, state.morph + elapsed / 2600);
  dirty.fan = true;
  $("morph").value = Math.round(100 * state.morph);
  showOutputs();
  if (state.morph < 1) return;
  converting = 0;
  dirty.words = true;
  writeAddress();
}

function remodel() {
  sides.source.set(state.source, "own", 1, state.kappa, state.rho);
  sides.target.set(state.target, state.clock, state.shift, state.kappa, state.rho);
  let most = 0;
  for (let k = 0; k <= LEVELS; k++) {
    spread[k] = Math.sqrt(FORMULAS.variance(FAN.a[k], FAN.b[k], state.rho));
    for (const which in sides) most = Math.max(most, spread[k] * sides[which].frame[k] || 0);
  }
  reach = 2.9 * most;
  let highest = 0;
  const law = FORMULAS[`density_${state.data}`];
  for (let k = 0; k < density.length; k++) highest = Math.max(highest, (density[k] = law(-reach + (2 * reach * k) / (density.length - 1), state.rho)));
  for (let k = 0; k < density.length; k++) density[k] /= highest;
  for (const fan of Object.values(fans)) {
    fan.yTicks = ticks(-reach, reach, 6);
    fan.yText = fan.yTicks.map(tidy);
    fan.xText = ["0 noise", "0.5", "data 1"];
  }
}

function ratioAt(side, t) {
  const [a, b] = side.at(t);
  return b === 0 ? 0 : a === 0 ? Infinity : b / a;
}

function paintFans() {
  FAN.move(state.kappa, state.rho, FORMULAS[`eta_${state.data}`]);
  place = FAN.place(ratioAt(sides.target, state.time));
  if (fans.source.visible) {
    fans.source.blend(sides.source, sides.target, 0);
    fans.source.paint(spread, place, reach, density);
  }
  if (fans.target.visible) {
    fans.target.blend(sides.source, sides.target, state.morph);
    fans.target.paint(spread, place, reach, density);
  }
}

function resize() {
  for (const plot of [...Object.values(fans), ...Object.values(panels), plane, errorPlot]) plot.resize();
  dirty.fan = dirty.figures = true;
  ask();
}

function start() {
  readTheme();
  readAddress();
  fans = { source: new Fan($("fan-source")), target: new Fan($("fan-target")) };
  makeFigures();
  listen();
  const seen = new IntersectionObserver((found) => {
    for (const { target, isIntersecting } of found) fans[target.id.slice(4)].visible = isIntersecting;
    dirty.fan = true;
    ask();
  });
  for (const fan of Object.values(fans)) seen.observe(fan.canvas);
  resize();
  refresh();
  if (!still.matches && !SETTINGS.quiet) flow(true);
}
