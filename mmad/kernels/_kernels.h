/* Small kernels over contiguous doubles.  No fast-math: NaN and inf behave as in NumPy. */
#ifndef MMAD_KERNELS_H
#define MMAD_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "_clones.h"

/* r = bar * p, where an exactly zero cotangent gives zero whatever p is */
CLONES static void mm_chain(double *restrict r, const double *restrict bar, const double *restrict p, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        double q = bar[i] * p[i];
        r[i] = bar[i] == 0 ? 0.0 : q;
    }
}

CLONES static void mm_chain_scalar(double *restrict r, const double *restrict bar, double p, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        double q = bar[i] * p;
        r[i] = bar[i] == 0 ? 0.0 : q;
    }
}

/* r = bar * p, where an exactly zero factor gives zero whatever the other is */
CLONES static void mm_masked(double *restrict r, const double *restrict bar, const double *restrict p, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        double q = bar[i] * p[i];
        r[i] = (bar[i] == 0) | (p[i] == 0) ? 0.0 : q;
    }
}

CLONES static void mm_scale(double *restrict r, double s, const double *restrict p, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) r[i] = s * p[i];
}

CLONES static void mm_add(double *restrict r, const double *restrict g, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) r[i] += g[i];
}

CLONES static void mm_add_scalar(double *restrict r, double g, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) r[i] += g;
}

static inline void mm_add_strided(double *restrict r, ptrdiff_t step, const double *restrict g, ptrdiff_t n) {
    if (step == 1) { mm_add(r, g, n); return; }
    for (ptrdiff_t i = 0; i < n; i++) r[i * step] += g[i];
}

/* Whether no element is infinite or NaN: none has all bits of the exponent set. */
CLONES static int mm_finite(const double *a, ptrdiff_t n) {
    uint64_t w, any = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        memcpy(&w, a + i, 8);
        any |= (w & 0x7ff0000000000000ull) + 0x0010000000000000ull;
    }
    return !(any >> 63);
}

CLONES static int mm_finite_single(const float *a, ptrdiff_t n) {
    uint32_t w, any = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        memcpy(&w, a + i, 4);
        any |= (w & 0x7f800000u) + 0x00800000u;
    }
    return !(any >> 31);
}

/* Whether an element is one of two values. */
CLONES static int mm_holds(const double *a, ptrdiff_t n, double first, double second) {
    uint64_t any = 0;
    for (ptrdiff_t i = 0; i < n; i++) any |= (uint64_t)((a[i] == first) | (a[i] == second));
    return any != 0;
}

/* A 64-bit checksum of a block of memory; any change of a single word changes it (the multiplier is odd). */
CLONES static uint64_t mm_checksum(const char *data, size_t nbytes) {
    uint64_t h[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[8], out = nbytes;
    size_t i = 0, k;
    for (; i + 64 <= nbytes; i += 64) {
        memcpy(w, data + i, 64);
        for (k = 0; k < 8; k++) h[k] = h[k] * 0x9E3779B97F4A7C15ull + w[k];
    }
    memset(w, 0, sizeof w);
    if (i < nbytes) memcpy(w, data + i, nbytes - i);
    for (k = 0; k < 8; k++) {
        h[k] = h[k] * 0x9E3779B97F4A7C15ull + w[k];
        out = (out ^ (h[k] >> 29) ^ h[k]) * 0xBF58476D1CE4E5B9ull + k;
    }
    return out;
}
#endif
