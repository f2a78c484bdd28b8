/* Whether a thread has divided by zero: the processor notes it, at no cost.
 *
 * An infinite derivative of a finite value comes from a division by zero, or from a logarithm or a power of zero; a
 * program that has met none has no product of a zero and an infinite derivative in it.
 */
#include "_vm.h"

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL __thread
#endif

#ifdef __SSE2__
#include <xmmintrin.h>
enum { DIVIDED = 4 };
static inline int divided(void) { return _mm_getcsr() & DIVIDED; }
static inline void forget(void) { _mm_setcsr(_mm_getcsr() & ~(unsigned)DIVIDED); }
#else
#include <fenv.h>
static inline int divided(void) { return fetestexcept(FE_DIVBYZERO); }
static inline void forget(void) { feclearexcept(FE_DIVBYZERO); }
#endif

static THREAD_LOCAL int met;

void mm_poles_forget(void) {
    met = 0;
    if (divided()) forget();
}

void mm_poles_keep(int more) { met |= more || divided(); }

int mm_poles_met(void) { return met || divided(); }
