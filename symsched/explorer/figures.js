"use strict";
// Curves, errors, words and code of the choice.

const NAMES = { alpha: "α", beta: "β", log_snr: "log SNR", variance: "V", eps_star: "ε*" };
const LOG_SNR = 10, EPS = 2.5;

function lookOf(side) {
  const palette = SETTINGS.looks[INK.dark ? "dark" : "light"];
  const color = side.name === "lazy" ? palette.lazy[nearest(KAPPAS, state.kappa)] : palette[side.name];
  const dash = side === sides.target && state.source === state.target ? [7, 4] : SETTINGS.dashes[side.name];
  return { color, dash, width: side === sides.target ? 2.6 : 1.8 };
}

function makeFigures() {
  panels = {};
  for (const name in NAMES) panels[name] = new Plot($(`curve-${name}`));
  plane = new Plot($("curve-plane"));
  errorPlot = new Plot($("error"), { x: [0, 6], y: [-4, 0], xTicks: [0, 1, 2, 3, 4, 5, 6], left: 46 });
}

function paintFigures() {
  const { source, target } = sides, tau = source.timeOf(ratioAt(target, state.time));
  for (const name in panels) paintCurve(panels[name], name, tau);
  paintPlane();
  paintErrors();
}

function rangeOf(name) {
  if (name === "log_snr") return [-LOG_SNR, LOG_SNR];
  let most = 0;
  for (const side of Object.values(sides)) for (const v of side.curves[name]) if (Number.isFinite(v)) most = Math.max(most, v);
  if (name === "eps_star") most = Math.min(most, Math.max(EPS, 1.5 * state.rho ** 2));
  return [0, 1.06 * (most || 1)];
}

function paintCurve(plot, name, tau) {
  plot.y = rangeOf(name);
  const marks = ticks(plot.y[0], plot.y[1], 4);
  plot.clear();
  plot.axes(marks, marks.map(tidy), ["0", "½", "1"]);
  for (const side of [sides.source, sides.target]) {
    const look = lookOf(side), at = side === sides.source ? tau : state.time;
    plot.curve(times, side.curves[name], look);
    if (!(at >= 0)) continue;
    const out = side.at(at);
    const value = { alpha: out[0], beta: out[1], log_snr: FORMULAS.log_snr(out[0], out[1]), variance: FORMULAS.variance(out[0], out[1], state.rho), eps_star: out[2] }[name];
    if (value >= plot.y[0] && value <= plot.y[1]) plot.dot(at, value, look.color, 3.5);
  }
}

function paintPlane() {
  const widest = Math.max(...sides.source.curves.alpha, ...sides.target.curves.alpha);
  plane.x = [0, 1.06 * widest];
  plane.y = [0, 1.06];
  const marks = ticks(0, plane.x[1], 4);
  plane.xTicks = marks;
  plane.clear();
  plane.axes([0, 0.5, 1], ["0", "0.5", "1"], marks.map(tidy));
  for (const side of [sides.source, sides.target]) plane.curve(side.curves.alpha, side.curves.beta, lookOf(side));
  for (const side of [sides.source, sides.target]) {
    const at = side === sides.source ? side.timeOf(ratioAt(sides.target, state.time)) : state.time;
    if (!(at >= 0)) continue;
    const [a, b] = side.at(at);
    plane.dot(a, b, lookOf(side).color, 3.5);
  }
}

const ERRORS = [["source", "euler"], ["target", "euler"], ["source", "ancestral"], ["target", "ancestral"]];

// Zero, and what only rounding keeps from it, is drawn on the floor.
function paintErrors() {
  let low = 0, high = -9, exact = false;
  for (const [which, scheme] of ERRORS)
    for (let n = 1; n <= MOST_STEPS; n++) {
      const value = Math.log10(sides[which][scheme][n]);
      exact = exact || value < -12;
      if (!(value > -12)) continue; // below it only rounding is left
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  errorPlot.y = [Math.floor(Math.max(low, -6)) - 0.35, Math.max(0, Math.ceil(high * 2) / 2)];
  const marks = ticks(errorPlot.y[0] + 0.3, errorPlot.y[1], 5).filter(Number.isInteger);
  errorPlot.clear();
  errorPlot.axes(marks, marks.map((m) => (m < -2 ? `10${String(m).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])}` : tidy(10 ** m))), ["1", "2", "4", "8", "16", "32", "64"]);
  errorPlot.context.textAlign = "right";
  errorPlot.context.textBaseline = "middle";
  if (exact) errorPlot.context.fillText("0", errorPlot.left - 6, errorPlot.py(errorPlot.y[0] + 0.12));
  errorPlot.upright(Math.log2(state.steps), INK.edge || INK.soft);
  for (const [which, scheme] of ERRORS) {
    const look = lookOf(sides[which]), row = sides[which][scheme];
    for (let n = 1; n <= MOST_STEPS; n++) errorRow[n - 1] = Number.isNaN(row[n]) ? NaN : Math.max(errorPlot.y[0] + 0.12, Math.log10(Math.max(row[n], 1e-300)));
    errorPlot.curve(counts, errorRow, { ...look, dash: scheme === "euler" ? [] : [5, 4] });
    const value = errorRow[state.steps - 1];
    if (Number.isFinite(value)) errorPlot.dot(Math.log2(state.steps), value, look.color, 4);
  }
}

// -- words --------------------------------------------------------------------------------------------------------

function titleOf(side) {
  return side.name === "lazy" ? `lazy, κ = ${tidy(state.kappa)}, ρ = ${tidy(state.rho)}` : SETTINGS.names[side.name];
}

function cell(tag, text, id) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (tag === "th") made.scope = "row";
  if (id) made.id = id;
  return made;
}

function fill(body, rows) {
  $(body).replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...row);
    return line;
  }));
}

function words() {
  const { source, target } = sides;
  for (const which in sides) {
    const look = lookOf(sides[which]), key = $(`key-${which}`);
    key.style.borderTopColor = look.color;
    key.style.borderTopStyle = look.dash.length ? "dashed" : "solid";
  }
  $("name-source").textContent = `Source: ${titleOf(source)}`;
  const share = state.morph === 1 ? "" : state.morph === 0 ? " (still as the source)" : ` (${Math.round(100 * state.morph)} % of the way)`;
  $("name-target").textContent = `Target: ${titleOf(target)}${share}`;
  $("legend").textContent = `Thin: ${titleOf(source)}. Thick: ${titleOf(target)}. Dots: the marked time.`;
  $("finding").textContent = finding();
  $("fan-source").setAttribute("aria-label", `Paths of the source, ${titleOf(source)}: ${spreadWords(source)}`);
  $("fan-target").setAttribute("aria-label", `The same paths under the target, ${titleOf(target)}: ${spreadWords(target)}`);
  readout();
  errorWords();
  formulaWords();
  codeWords();
}

function spreadWords(side) {
  return `standard deviation ${told(Math.sqrt(side.startVariance()))} at the noise end, ${tidy(state.rho)} at the data.`;
}

function finding() {
  const { target } = sides, out = target.at(0);
  if (target.name === "lazy" && state.data === "one")
    return state.kappa === 0 ? "The target's drift is zero: every path stands still." : "The target's drift is zero: its paths are pure Brownian motion in a clock, and start at one point.";
  if (out[0] === 0) return "The target starts at one point: the Gaussian base has collapsed.";
  if (target.truncated) return "The target is truncated: a little data is left at t = 0.";
  return "Each path meets its twin at the data.";
}

function readout() {
  const { source, target } = sides, ratio = ratioAt(target, state.time), tau = source.timeOf(ratio);
  const rows = [["source", source, tau], ["target", target, state.time]].map(([which, side, time]) => {
    const out = time >= 0 ? side.at(time) : [NaN, NaN, NaN, NaN], [a, b, eps] = out;
    const values = { time, alpha: a, beta: b, log_snr: FORMULAS.log_snr(a, b), variance: FORMULAS.variance(a, b, state.rho), eps_star: eps, eps: state.kappa === 0 ? 0 : FORMULAS.scale(state.kappa, eps) };
    const cells = Object.entries(values).map(([name, value]) => cell("td", told(value), `${which}-${name}`));
    return [cell("th", which === "source" ? "source at τ" : "target at t"), ...cells];
  });
  let scale = NaN;
  if (tau >= 0) {
    const [a, b] = source.at(tau), below = FORMULAS.frame(a, b), [a2, b2] = target.at(state.time);
    scale = below > 0 ? FORMULAS.rescale(FORMULAS.frame(a2, b2), below) : Infinity;
  }
  rows[0].push(cell("td", ""));
  rows[1].push(cell("td", told(scale), "scale"));
  fill("readout", rows);
}

function errorWords() {
  const n = state.steps;
  $("error-caption").textContent = `After N = ${n} ${n === 1 ? "step" : "steps"}`;
  fill("errors", ERRORS.map(([which, scheme]) => {
    const side = sides[which], variance = scheme === "euler" ? side.eulerVariance(n) : side.ancestralVariance(n);
    const name = `${which}, ${scheme === "euler" ? "Euler" : "exponential"}`;
    return [cell("th", name), cell("td", told(side[scheme][n]), `w2-${which}-${scheme}`), cell("td", told(FORMULAS.kl(variance, state.rho)), `kl-${which}-${scheme}`)];
  }));
  const stuck = ["source", "target"].filter((which) => Number.isNaN(sides[which].euler[n]));
  const notes = ["Solid: Euler. Dashed: exponential, which is DDIM at κ = 0 and ancestral sampling at κ = 1."];
  if (stuck.length) notes.push(`Euler cannot start on the ${stuck.join(" or the ")}: its first step is infinite.`);
  if (sides.target.name === "lazy" && sides.target.euler[n] < 1e-12) notes.push("Euler on the lazy target is exact with any number of steps.");
  $("error-note").textContent = notes.join(" ");
  $("error").setAttribute("aria-label", `W2 against N from 1 to ${MOST_STEPS}; the numbers for N = ${n} are in the table`);
}

let shownFormulas = "";
function formulaWords() {
  const { source, target } = sides, key = `${source.key} ${target.key} ${state.clock}`;
  $("formula-note").textContent = state.shift === 1 ? "" : `The target's t stands for t/(t + ${tidy(state.shift)} (1 − t)).`;
  if (key === shownFormulas) return;
  shownFormulas = key;
  const lines = (list) => list.map((mathml) => `<div class="formula" tabindex="0">${mathml}</div>`).join("");
  $("formulas-source-name").textContent = `Source: ${SETTINGS.names[source.name]}`;
  $("formulas-target-name").textContent = `Target: ${SETTINGS.names[target.name]}, ${SETTINGS.clocks[state.clock]}`;
  $("formulas-source").innerHTML = lines(MATH.schedules[`${source.key}|own`]);
  $("formulas-target").innerHTML = lines(MATH.schedules[`${target.key}|${state.clock}`]);
  $("formulas-conversion").innerHTML = lines(MATH.conversions[source.key]);
}

// -- code ---------------------------------------------------------------------------------------------------------

const plainText = (value) => String(Number(value.toPrecision(12)));

function written(side, clock, shift) {
  const put = (text, letters) => text.replace(/\b(t|kappa|rho)\b/g, (letter) => (letter in letters ? `(${letters[letter]})` : letter));
  if (clock === "own" && shift === 1) return side.name === "lazy" ? `lazy(kappa=${plainText(state.kappa)}, rho=${plainText(state.rho)})` : side.name;
  const shifted = shift === 1 ? "t" : `t/(t + ${plainText(shift)}*(1 - t))`;
  const time = put(SETTINGS.clockText[clock === "own" ? side.entry.own : clock], { t: shifted });
  const letters = { t: time, kappa: plainText(state.kappa), rho: plainText(state.rho) };
  return `alpha=${put(side.entry.text.alpha, letters)}; beta=${put(side.entry.text.beta, letters)}`;
}

function commandOf() {
  const from = written(sides.source, "own", 1), to = written(sides.target, state.clock, state.shift);
  const start = from === to ? "" : ` --from "${from}"`;
  return `symsched codegen${start} --to "${to}" --kappa ${plainText(state.kappa)} --lang ${state.lang}`;
}

let shelf = null, shelfFailed = false;
async function openShelf() {
  if (shelf) return shelf;
  const bytes = Uint8Array.from(atob($("shelf").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (shelf = JSON.parse(await new Response(stream).text()));
}

function shelfKey() {
  const moves = state.source === "lazy" || state.target === "lazy";
  const kappa = moves ? ({ 0: "0", 0.5: "1/2", 1: "1", 2: "2" })[state.kappa] : "";
  return kappa === undefined ? null : `${state.source}|${state.target}|${kappa}`;
}

async function codeWords() {
  $("command").textContent = commandOf();
  try {
    await openShelf();
  } catch {
    shelfFailed = true;
  }
  const key = shelfKey(), own = state.clock === "own" && state.shift === 1, kept = shelf && shelf[state.lang];
  const code = kept && own && key !== null ? kept[key] || (state.rho === 1 && kept[`${key}|1`]) : "";
  $("copy-code").disabled = !code;
  $("code").textContent = code || "";
  $("code").parentElement.hidden = !code;
  $("code-note").textContent = code ? "Self-contained; written by symsched codegen."
    : shelfFailed ? "This browser cannot open the code kept in the page; the command below writes it."
    : "Not kept in this page for this choice (it is for the catalogue's own clocks and κ = 0, ½, 1, 2); the command below writes it.";
}
