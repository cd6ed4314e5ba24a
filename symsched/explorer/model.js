"use strict";
// Numbers of the page. Every formula below FORMULAS, CLOCKS and ENTRIES was printed by SymPy; here they are only called.

const { kappas: KAPPAS, rhos: RHOS, shifts: SHIFTS } = SETTINGS;
const MOST_STEPS = 64, POINTS = 257, LEVELS = 360, PATHS = 24;

const regimeOf = (kappa) => (kappa === 0 ? "zero" : kappa < 1 ? "below" : kappa === 1 ? "one" : "above");

// A schedule in a clock at given κ and ρ: everything that is drawn or told of it.
class Side {
  constructor() {
    this.out = new Float64Array(4); // α, β, ε*, slope of the drift on Gaussian data
    this.curves = { alpha: 0, beta: 0, log_snr: 0, variance: 0, eps_star: 0 };
    for (const name in this.curves) this.curves[name] = new Float64Array(POINTS);
    this.time = new Float64Array(LEVELS + 1);
    this.frame = new Float64Array(LEVELS + 1);
    this.euler = new Float64Array(MOST_STEPS + 1);
    this.ancestral = new Float64Array(MOST_STEPS + 1);
  }

  set(name, clock, shift, kappa, rho) {
    this.name = name;
    this.key = name === "lazy" ? `lazy|${regimeOf(kappa)}` : `${name}|any`;
    this.entry = ENTRIES[this.key];
    this.clockName = clock === "own" ? this.entry.own : clock;
    this.clock = CLOCKS[this.clockName];
    Object.assign(this, { shift, kappa, rho });
    this.truncated = this.at(0)[1] > 0;
    this.tabulate();
    this.level();
    this.measure();
  }

  // Fills and returns `out` at t in [0, 1]; limits at the ends.
  at(t) {
    const { out, kappa, rho, shift } = this;
    let pace = 1;
    if (t === 0 || t === 1) {
      this.entry.ends[this.clockName][t](kappa, rho, out);
    } else {
      const shifted = FORMULAS.shift(t, shift);
      this.entry.fill(this.clock.phi(shifted), kappa, rho, out);
      pace = this.clock.rate(shifted);
    }
    const rate = FORMULAS.shift_rate(t, shift);
    out[2] = FORMULAS.retime(out[2], pace, rate);
    out[3] = FORMULAS.retime(out[3], pace, rate);
    return out;
  }

  // The time of the signal-to-noise ratio R; NaN where a truncated schedule has none.
  timeOf(R) {
    if (R === 0) return this.truncated ? NaN : 0;
    if (R === Infinity) return 1;
    const own = this.entry.inverse(R, this.kappa, this.rho);
    if (!(own >= -1e-12)) return NaN;
    return FORMULAS.shift_inverse(this.clock.inverse(Math.min(1, Math.max(0, own))), this.shift);
  }

  tabulate() {
    const { curves, rho } = this;
    for (let k = 0; k < POINTS; k++) {
      const [a, b, eps] = this.at(k / (POINTS - 1));
      curves.alpha[k] = a;
      curves.beta[k] = b;
      curves.log_snr[k] = FORMULAS.log_snr(a, b);
      curves.variance[k] = FORMULAS.variance(a, b, rho);
      curves.eps_star[k] = eps;
    }
  }

  // Time and scale of every level of the fan: a path is `frame` times its twin in the variance-preserving schedule.
  level() {
    for (let k = 0; k <= LEVELS; k++) {
      const time = this.timeOf(FAN.b[k] / FAN.a[k]);
      this.time[k] = time;
      const out = time >= 0 ? this.at(time) : null;
      this.frame[k] = out ? FORMULAS.frame(out[0], out[1]) : NaN;
    }
  }

  // W2 after N steps for every N, from the exact recursion of the variance: nothing is sampled.
  measure() {
    for (let n = 1; n <= MOST_STEPS; n++) {
      this.euler[n] = FORMULAS.w2(this.eulerVariance(n), this.rho);
      this.ancestral[n] = FORMULAS.w2(this.ancestralVariance(n), this.rho);
    }
  }

  startVariance() {
    const [a, b] = this.at(0);
    return FORMULAS.variance(a, b, this.rho);
  }

  eulerVariance(n) {
    let variance = this.startVariance();
    for (let k = 0; k < n; k++) {
      const out = this.at(k / n);
      const eps = this.kappa === 0 ? 0 : FORMULAS.scale(this.kappa, out[2]);
      variance = FORMULAS.euler(variance, 1 / n, out[3], eps);
      if (!Number.isFinite(variance)) return NaN; // an infinite first step: Euler cannot start
    }
    return variance;
  }

  ancestralVariance(n) {
    const { kappa, rho } = this;
    let variance = this.startVariance();
    let [a, b] = this.at(0);
    for (let k = 1; k <= n; k++) {
      const [a2, b2] = this.at(k / n);
      if (a === 0 && b === 0) a = 1; // a point: only the ratio b/a counts, and it is 0
      const fresh = FORMULAS.ancestral_spread(a, b, a2, b2, kappa);
      const factor = variance === 0 ? 0 : FORMULAS.ancestral_factor(a, b, a2, b2, rho, kappa);
      variance = FORMULAS.affine(variance, factor, fresh);
      a = a2;
      b = b2;
    }
    return variance;
  }
}

// The paths of the fan, in the variance-preserving schedule, at fixed levels of noise: one Brownian motion for all views.
const FAN = {
  a: new Float64Array(LEVELS + 1),
  b: new Float64Array(LEVELS + 1),
  x: new Float64Array(PATHS * (LEVELS + 1)),
  now: new Float64Array(PATHS * (LEVELS + 1)),
  next: new Float64Array(PATHS * (LEVELS + 1)),
  phase: 0,
  state: 1,

  setup(seed) {
    this.state = seed >>> 0 || 1;
    for (let k = 0; k <= LEVELS; k++) {
      const u = k / LEVELS, a = (1 - u) ** 2, b = u ** 2, size = FORMULAS.frame(a, b);
      this.a[k] = a / size;
      this.b[k] = b / size;
    }
    this.phase = 0;
    this.draw(this.now);
    this.draw(this.next);
  },

  uniform() { // mulberry32
    let z = (this.state = (this.state + 0x6d2b79f5) >>> 0);
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  },

  draw(into) {
    for (let k = 0; k < into.length; k += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform())), angle = 2 * Math.PI * this.uniform();
      into[k] = radius * Math.cos(angle);
      into[k + 1] = radius * Math.sin(angle);
    }
  },

  // Turns the noise a little: cos φ ξ + sin φ ξ' is standard normal at every φ.
  turn(angle) {
    this.phase += angle;
    if (this.phase < Math.PI / 2) return;
    this.phase = 0;
    this.now.set(this.next);
    this.draw(this.next);
  },

  move(kappa, rho, eta) {
    const { a, b, x, now, next } = this, cos = Math.cos(this.phase), sin = Math.sin(this.phase);
    for (let p = 0; p < PATHS; p++) {
      const base = p * (LEVELS + 1);
      let here = cos * now[base] + sin * next[base];
      x[base] = here;
      for (let k = 1; k <= LEVELS; k++) {
        const mean = FORMULAS.ancestral_mean(here, eta(here, a[k - 1], b[k - 1], rho), a[k - 1], b[k - 1], a[k], b[k], kappa);
        const spread = FORMULAS.ancestral_deviation(a[k - 1], b[k - 1], a[k], b[k], kappa);
        here = mean + spread * (cos * now[base + k] + sin * next[base + k]);
        x[base + k] = here;
      }
    }
  },

  // The place of a ratio R on the levels, between 0 and LEVELS.
  place(R) {
    if (R === Infinity) return LEVELS;
    const root = Math.sqrt(R);
    return (LEVELS * root) / (1 + root);
  },
};
