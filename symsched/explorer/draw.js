"use strict";
// Drawing on canvases: no formulas, and nothing allocated while the fan runs.

const INK = {}; // colours of the page's theme, read from its style sheet

function readTheme() {
  const style = getComputedStyle(document.body);
  for (const name of ["ink", "soft", "paper", "panel", "rule", "accent", "band"]) INK[name] = style.getPropertyValue(`--${name}`).trim();
  INK.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  INK.font = `12px ${style.fontFamily}`;
}

class Plot {
  constructor(canvas, { x = [0, 1], y = [0, 1], xTicks = [0, 0.5, 1], left = 40, bottom = 22, top = 8, right = 10, log = false } = {}) {
    Object.assign(this, { canvas, x, y, xTicks, left, bottom, top, right, log });
    this.context = canvas.getContext("2d");
    this.visible = true;
  }

  resize() {
    const ratio = Math.min(2, window.devicePixelRatio || 1), box = this.canvas.getBoundingClientRect();
    this.width = box.width;
    this.height = box.height;
    const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  px(value) {
    return this.left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - this.left - this.right);
  }

  py(value) {
    return this.height - this.bottom - ((value - this.y[0]) / (this.y[1] - this.y[0])) * (this.height - this.top - this.bottom);
  }

  clear() {
    this.context.clearRect(0, 0, this.width, this.height);
  }

  axes(yTicks, yText, xText) {
    const c = this.context;
    c.font = INK.font;
    c.lineWidth = 1;
    c.setLineDash(SOLID);
    c.strokeStyle = INK.rule;
    c.fillStyle = INK.soft;
    c.beginPath();
    for (let k = 0; k < yTicks.length; k++) {
      const y = Math.round(this.py(yTicks[k])) + 0.5;
      c.moveTo(this.left, y);
      c.lineTo(this.width - this.right, y);
    }
    c.stroke();
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (let k = 0; k < yTicks.length; k++) c.fillText(yText[k], this.left - 6, this.py(yTicks[k]));
    c.textBaseline = "top";
    for (let k = 0; k < this.xTicks.length; k++) {
      c.textAlign = k === 0 ? "left" : k === this.xTicks.length - 1 ? "right" : "center";
      c.fillText(xText[k], this.px(this.xTicks[k]), this.height - this.bottom + 6);
    }
  }

  // A curve through (xs[k], ys[k]); points that are not finite part it.
  curve(xs, ys, look) {
    const c = this.context;
    this.clip();
    c.strokeStyle = look.color;
    c.lineWidth = look.width;
    c.setLineDash(look.dash);
    c.lineJoin = "round";
    c.beginPath();
    let down = false;
    for (let k = 0; k < xs.length; k++) {
      const fine = Number.isFinite(ys[k]) && Number.isFinite(xs[k]);
      if (fine && down) c.lineTo(this.px(xs[k]), this.py(ys[k]));
      else if (fine) c.moveTo(this.px(xs[k]), this.py(ys[k]));
      down = fine;
    }
    c.stroke();
    c.restore();
  }

  clip() {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(this.left - 1, this.top - 3, this.width - this.left - this.right + 2, this.height - this.top - this.bottom + 6);
    c.clip();
  }

  upright(value, color) {
    const c = this.context;
    c.strokeStyle = color;
    c.lineWidth = 1;
    c.setLineDash(SHORT);
    c.beginPath();
    c.moveTo(this.px(value), this.top);
    c.lineTo(this.px(value), this.height - this.bottom);
    c.stroke();
    c.setLineDash(SOLID);
  }

  dot(x, y, color, size) {
    const c = this.context;
    c.beginPath();
    c.arc(this.px(x), this.py(y), size, 0, 2 * Math.PI);
    c.fillStyle = color;
    c.fill();
    c.lineWidth = 1.5;
    c.strokeStyle = INK.paper;
    c.stroke();
  }
}

const SOLID = [], SHORT = [3, 3];

// Round numbers that divide [low, high] into a few parts.
function ticks(low, high, most = 5) {
  const raw = (high - low) / most, unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * unit).find((s) => s >= raw) || raw;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

const tidy = (value) => String(Number(value.toPrecision(6))).replace("-", "−");

// Six significant digits, as a reader writes them.
function told(value) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6) {
    const [digits, power] = value.toExponential(4).split("e");
    const raised = power.replace("+", "").replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
    return `${digits} · 10${raised}`.replace("-", "−");
  }
  return value.toPrecision(6).replace("-", "−");
}

// The fan: bands of one and two standard deviations, the paths, and a dot on each at the time that is told.
class Fan extends Plot {
  constructor(canvas) {
    super(canvas, { left: 34, bottom: 24, right: 34 });
    this.times = new Float64Array(LEVELS + 1);
    this.scales = new Float64Array(LEVELS + 1);
  }

  // The view `share` of the way from one side to the other.
  blend(source, target, share) {
    for (let k = 0; k <= LEVELS; k++) {
      this.times[k] = share === 1 ? target.time[k] : share === 0 ? source.time[k] : (1 - share) * source.time[k] + share * target.time[k];
      this.scales[k] = share === 1 ? target.frame[k] : share === 0 ? source.frame[k] : (1 - share) * source.frame[k] + share * target.frame[k];
    }
  }

  paint(spread, place, reach, density) {
    this.y[0] = -reach;
    this.y[1] = reach;
    this.clear();
    this.axes(this.yTicks, this.yText, this.xText);
    this.band(spread, 2);
    this.band(spread, 1);
    this.paths();
    this.law(density);
    const at = this.between(this.times, place);
    if (Number.isFinite(at)) {
      this.upright(at, INK.ink);
      for (let p = 0; p < PATHS; p++) this.dotOf(p, place, at);
    }
  }

  between(values, place) {
    const k = Math.min(LEVELS - 1, Math.floor(place)), part = place - k;
    return part === 0 ? values[k] : (1 - part) * values[k] + part * values[k + 1];
  }

  band(spread, times) {
    const c = this.context;
    c.fillStyle = INK.band;
    c.beginPath();
    let first = -1;
    for (let k = 0; k <= LEVELS; k++) {
      if (!Number.isFinite(this.times[k])) continue;
      const x = this.px(this.times[k]), y = this.py(times * spread[k] * this.scales[k]);
      if (first < 0) c.moveTo(x, y);
      else c.lineTo(x, y);
      if (first < 0) first = k;
    }
    for (let k = LEVELS; k >= first && first >= 0; k--) c.lineTo(this.px(this.times[k]), this.py(-times * spread[k] * this.scales[k]));
    c.fill();
  }

  paths() {
    const c = this.context, colors = INK.dark ? SETTINGS.paths.dark : SETTINGS.paths.light;
    this.clip();
    c.setLineDash(SOLID);
    c.lineJoin = "round";
    for (let color = colors.length - 1; color >= 0; color--) {
      c.strokeStyle = colors[color];
      c.lineWidth = color === 0 ? 1.4 : 1;
      c.globalAlpha = 0.85;
      c.beginPath();
      for (let p = color; p < PATHS; p += colors.length) this.trace(p);
      c.stroke();
    }
    c.restore();
  }

  trace(p) {
    const c = this.context, base = p * (LEVELS + 1);
    let down = false;
    for (let k = 0; k <= LEVELS; k++) {
      const time = this.times[k];
      if (!(time >= 0)) continue;
      const x = this.px(time), y = this.py(this.scales[k] * FAN.x[base + k]);
      if (down) c.lineTo(x, y);
      else c.moveTo(x, y);
      down = true;
    }
  }

  dotOf(p, place, time) {
    const k = Math.min(LEVELS - 1, Math.floor(place)), part = place - k, base = p * (LEVELS + 1);
    const here = this.scales[k] * FAN.x[base + k], there = this.scales[k + 1] * FAN.x[base + k + 1];
    const colors = INK.dark ? SETTINGS.paths.dark : SETTINGS.paths.light;
    this.dot(time, part === 0 ? here : (1 - part) * here + part * there, colors[p % colors.length], p % colors.length === 0 ? 4 : 3);
  }

  // The density of the data, to the right of t = 1.
  law(density) {
    const c = this.context, left = this.width - this.right + 3;
    c.beginPath();
    c.moveTo(left, this.py(-this.y[1]));
    for (let k = 0; k < density.length; k++)
      c.lineTo(left + (this.right - 6) * density[k], this.py(this.y[0] + ((this.y[1] - this.y[0]) * k) / (density.length - 1)));
    c.lineTo(left, this.py(this.y[1]));
    c.fillStyle = INK.soft;
    c.globalAlpha = 0.35;
    c.fill();
    c.globalAlpha = 1;
  }
}
