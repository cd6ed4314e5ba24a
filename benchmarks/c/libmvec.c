/* The same job with vectors: 256 paths together, xoshiro256+ per lane, Box-Muller through glibc's vector mathematics.
 *
 *     gcc -O3 -march=native -ffast-math -fopenmp libmvec.c -o libmvec -lmvec -lm && ./libmvec PATHS STEPS THREADS KIND
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LANES 256
#define COMPONENTS 8

typedef struct { uint64_t a[LANES], b[LANES], c[LANES], d[LANES]; } streams;

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void seed(streams *g, uint64_t n) {
  for (int i = 0; i < LANES; i++) {
    g->a[i] = mix(n += 0x9e3779b97f4a7c15u);
    g->b[i] = mix(n += 0x9e3779b97f4a7c15u);
    g->c[i] = mix(n += 0x9e3779b97f4a7c15u);
    g->d[i] = mix(n += 0x9e3779b97f4a7c15u);
  }
}

static inline void uniforms(streams *g, double *u) {
  for (int i = 0; i < LANES; i++) {
    uint64_t out = g->a[i] + g->d[i], t = g->b[i] << 17;
    g->c[i] ^= g->a[i]; g->d[i] ^= g->b[i]; g->b[i] ^= g->c[i]; g->a[i] ^= g->d[i]; g->c[i] ^= t;
    g->d[i] = (g->d[i] << 45) | (g->d[i] >> 19);
    union { uint64_t bits; double value; } one = {(out >> 12) | 0x3ff0000000000000u};
    u[i] = one.value - 1.0 + 0x1p-53;
  }
}

static void normals(streams *g, double *z, double *w) {
  double u[LANES], v[LANES];
  uniforms(g, u);
  uniforms(g, v);
  for (int i = 0; i < LANES; i++) u[i] = sqrt(-2 * log(u[i]));
  for (int i = 0; i < LANES; i++) z[i] = u[i] * cos(2 * M_PI * v[i]);
  for (int i = 0; i < LANES; i++) w[i] = u[i] * sin(2 * M_PI * v[i]);
}

static const double slope[COMPONENTS] = {-4, -3, -2, -1, 0, 1, 2, 3};

static void step(double *x, const double *z, double t, double h, double s, int kind) {
  if (kind == 0) {
    for (int i = 0; i < LANES; i++) x[i] += -x[i] * h + s * z[i];
    return;
  }
  double v = (1 - t) * (1 - t) + 0.09 * t * t, e[COMPONENTS][LANES], top[LANES], over[LANES], under[LANES];
  for (int i = 0; i < LANES; i++) { top[i] = -1e300; over[i] = under[i] = 0; }
  for (int k = 0; k < COMPONENTS; k++)
    for (int i = 0; i < LANES; i++) {
      double d = x[i] - t * slope[k];
      e[k][i] = -0.5 * d * d / v;
      top[i] = e[k][i] > top[i] ? e[k][i] : top[i];
    }
  for (int k = 0; k < COMPONENTS; k++)
    for (int i = 0; i < LANES; i++) {
      double w = exp(e[k][i] - top[i]);
      over[i] += w * (slope[k] + 0.09 * t / v * (x[i] - t * slope[k]));
      under[i] += w;
    }
  for (int i = 0; i < LANES; i++) x[i] += (over[i] / under[i] - x[i]) * h + s * z[i];
}

int main(int argc, char **argv) {
  long paths = argc > 1 ? atol(argv[1]) : 100000;
  int steps = argc > 2 ? atoi(argv[2]) : 1000, threads = argc > 3 ? atoi(argv[3]) : 2, kind = argc > 4 ? atoi(argv[4]) : 0;
  long blocks = (paths + LANES - 1) / LANES;
  double h = 1.0 / steps, s = sqrt(h), sum = 0, squares = 0;
  omp_set_num_threads(threads);
  double begin = omp_get_wtime();
  clock_t cpu = clock();
#pragma omp parallel reduction(+ : sum, squares)
  {
    static _Thread_local streams g;
    double x[LANES], z[LANES], w[LANES];
    seed(&g, 1000 + omp_get_thread_num());
#pragma omp for schedule(static)
    for (long b = 0; b < blocks; b++) {
      normals(&g, x, w);
      for (int n = 0; n < steps; n++) {
        if (n % 2 == 0) normals(&g, z, w);
        step(x, n % 2 == 0 ? z : w, n * h, h, s, kind);
      }
      for (int i = 0; i < LANES; i++) { sum += x[i]; squares += x[i] * x[i]; }
    }
  }
  double used = (double)(clock() - cpu) / CLOCKS_PER_SEC;
  double seconds = omp_get_wtime() - begin, count = (double)blocks * LANES, mean = sum / count;
  printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"mean\": %.6f, \"var\": %.6f}\n", seconds, used, mean, squares / count - mean * mean);
  return 0;
}
