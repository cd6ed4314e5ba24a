/* Euler-Maruyama for dX = a(t) X dt + s(t) dW, written as a C programmer would: one path at a time, xoshiro256+ and a
 * 256-layer ziggurat (Marsaglia & Tsang, J. Stat. Softw. 5(8), 2000).
 *
 *     gcc -O3 -march=native -fopenmp ziggurat.c -o ziggurat -lm && ./ziggurat PATHS STEPS THREADS KIND
 *
 * KIND 0: linear drift; 1: the score drift of an eight-component mixture.  Prints seconds, mean and variance.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LAYERS 256
#define COMPONENTS 8

static double edge[LAYERS + 1], height[LAYERS + 1];
static const double tail = 3.6541528853610088, area = 0.00492867323399;

static void make_layers(void) {
  edge[0] = area * exp(0.5 * tail * tail);
  edge[1] = tail;
  for (int i = 2; i < LAYERS; i++)
    edge[i] = sqrt(-2 * log(area / edge[i - 1] + exp(-0.5 * edge[i - 1] * edge[i - 1])));
  edge[LAYERS] = 0;
  for (int i = 0; i <= LAYERS; i++) height[i] = exp(-0.5 * edge[i] * edge[i]);
}

typedef struct { uint64_t s[4]; } stream;

static inline uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t next(stream *g) {
  uint64_t *s = g->s, out = s[0] + s[3], t = s[1] << 17;
  s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotate(s[3], 45);
  return out;
}

static void seed(stream *g, uint64_t n) {
  for (int i = 0; i < 4; i++) {
    uint64_t z = (n += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    g->s[i] = z ^ (z >> 31);
  }
}

static inline double uniform(stream *g) { return ((next(g) >> 11) + 0.5) * 0x1p-53; }

static inline double normal(stream *g) {
  for (;;) {
    uint64_t bits = next(g);
    int layer = bits & (LAYERS - 1);
    double u = ((int64_t)bits >> 11) * 0x1p-52;
    double x = u * edge[layer];
    if (fabs(x) < edge[layer + 1]) return x;
    if (layer == 0) {
      double a, b;
      do { a = -log(uniform(g)) / tail; b = -log(uniform(g)); } while (b + b < a * a);
      return u < 0 ? -(tail + a) : tail + a;
    }
    if (height[layer] + uniform(g) * (height[layer + 1] - height[layer]) < exp(-0.5 * x * x)) return x;
  }
}

static double slope[COMPONENTS] = {-4, -3, -2, -1, 0, 1, 2, 3};

static inline double mixture(double x, double t) {
  double v = (1 - t) * (1 - t) + 0.09 * t * t, top = -1e300, e[COMPONENTS], over = 0, under = 0;
  for (int k = 0; k < COMPONENTS; k++) {
    double d = x - t * slope[k];
    e[k] = -0.5 * d * d / v;
    top = e[k] > top ? e[k] : top;
  }
  for (int k = 0; k < COMPONENTS; k++) {
    double w = exp(e[k] - top);
    over += w * (slope[k] + 0.09 * t / v * (x - t * slope[k]));
    under += w;
  }
  return over / under - x;
}

int main(int argc, char **argv) {
  long paths = argc > 1 ? atol(argv[1]) : 100000;
  int steps = argc > 2 ? atoi(argv[2]) : 1000, threads = argc > 3 ? atoi(argv[3]) : 2, kind = argc > 4 ? atoi(argv[4]) : 0;
  double h = 1.0 / steps, s = sqrt(h), sum = 0, squares = 0;
  omp_set_num_threads(threads);
  make_layers();
  double begin = omp_get_wtime();
  clock_t cpu = clock();
#pragma omp parallel reduction(+ : sum, squares)
  {
    stream g;
    seed(&g, 1000 + omp_get_thread_num());
#pragma omp for schedule(static)
    for (long p = 0; p < paths; p++) {
      double x = normal(&g);
      if (kind == 0)
        for (int n = 0; n < steps; n++) x += -x * h + s * normal(&g);
      else
        for (int n = 0; n < steps; n++) x += mixture(x, n * h) * h + s * normal(&g);
      sum += x;
      squares += x * x;
    }
  }
  double used = (double)(clock() - cpu) / CLOCKS_PER_SEC;
  double seconds = omp_get_wtime() - begin, mean = sum / paths;
  printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"mean\": %.6f, \"var\": %.6f}\n", seconds, used, mean, squares / paths - mean * mean);
  return 0;
}
