/* Array memory that is kept between uses.
 *
 * A trace allocates and frees the same large arrays at every call, and the system takes their pages back in between:
 * touching them again costs more than the arithmetic on them.  This allocator, which NumPy uses while a function is
 * traced and swept, keeps freed blocks, up to a bound, by size class.  Each block starts with a 64-byte header that holds
 * its class, and is aligned to 64 bytes.
 *
 * Small blocks are cut from slabs, because the system's allocator takes its time over many small aligned ones.  A slab goes
 * back to the system when the pool is cleared and all its blocks are free.
 */
#ifndef MMAD_POOL_H
#define MMAD_POOL_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define POOL_HEADER 64
#define POOL_SMALL 1024
#define POOL_CLASSES 320
#define POOL_CUT 16 /* classes of small blocks */
#define POOL_SLAB 65536

typedef struct Slab { struct Slab *next; int blocks, idle; } Slab;
typedef struct Block { struct Block *next; Slab *slab; size_t capacity; int klass; } Block;

static Block *pool_lists[POOL_CLASSES];
static Slab *pool_slabs; /* all there are */
static struct { Slab *slab; char *at, *end; } pool_open[POOL_CUT]; /* what small blocks are cut from next */
static size_t pool_cached = 0, pool_bound = (size_t)256 << 20;
static size_t pool_full = 0; /* beyond the bound: cached bytes at which slabs are looked through again */
static atomic_flag pool_lock = ATOMIC_FLAG_INIT;

static inline void pool_acquire(void) { while (atomic_flag_test_and_set_explicit(&pool_lock, memory_order_acquire)) {} }
static inline void pool_release(void) { atomic_flag_clear_explicit(&pool_lock, memory_order_release); }

/* The class of a size and its capacity: steps of 64 bytes to 1 KiB, then eight classes a doubling; -1: not kept. */
static int pool_class(size_t size, size_t *capacity) {
    int e, k;
    size_t step;
    if (size <= POOL_SMALL) {
        k = size ? (int)((size - 1) >> 6) : 0;
        *capacity = (size_t)(k + 1) << 6;
        return k;
    }
    e = 0;
    while ((size_t)POOL_SMALL << (e + 1) <= size) e++;
    step = ((size_t)POOL_SMALL << e) >> 3;
    k = (int)((size - ((size_t)POOL_SMALL << e) + step - 1) / step);
    *capacity = ((size_t)POOL_SMALL << e) + (size_t)k * step;
    k += 16 + 8 * e;
    return k < POOL_CLASSES ? k : -1;
}

/* Large pages for large blocks, as NumPy asks for by itself: the first touch of a block is mostly its page faults. */
#define POOL_PAGE ((size_t)4096)
#define POOL_LARGE ((size_t)4 << 20)
static inline void pool_large_pages(void *block, size_t total) {
#ifdef MADV_HUGEPAGE
    uintptr_t first = ((uintptr_t)block + POOL_PAGE - 1) & ~(POOL_PAGE - 1), end = (uintptr_t)block + total;
    if (total >= POOL_LARGE) madvise((void *)first, (end - first) & ~(POOL_PAGE - 1), MADV_HUGEPAGE);
#else
    (void)block; (void)total;
#endif
}

/* Give back slabs of which no block is in use; with the lock held. */
static void pool_clear_slabs(void) {
    Slab **place = &pool_slabs, *slab;
    Block **link, *b;
    int k;
    for (slab = pool_slabs; slab; slab = slab->next) slab->idle = 0;
    for (k = 0; k < POOL_CUT; k++)
        for (b = pool_lists[k]; b; b = b->next) b->slab->idle++;
    for (k = 0; k < POOL_CUT; k++) {
        for (link = &pool_lists[k]; (b = *link);) {
            if (b->slab->idle == b->slab->blocks) { *link = b->next; pool_cached -= b->capacity; }
            else link = &b->next;
        }
        slab = pool_open[k].slab;
        if (slab && slab->idle == slab->blocks) { pool_open[k].slab = NULL; pool_open[k].at = pool_open[k].end = NULL; }
    }
    while ((slab = *place)) {
        if (slab->idle == slab->blocks) { *place = slab->next; free(slab); }
        else place = &slab->next;
    }
}

static void pool_clear(void) {
    Block *b, *next;
    int k;
    pool_acquire();
    for (k = POOL_CUT; k < POOL_CLASSES; k++) {
        for (b = pool_lists[k]; b; b = next) { next = b->next; pool_cached -= b->capacity; free(b); }
        pool_lists[k] = NULL;
    }
    pool_clear_slabs();
    pool_full = 0;
    pool_release();
}

/* A new block from the slab of its class, or NULL if that is used up; with the lock held. */
static Block *pool_cut(int k, size_t capacity) {
    Block *b = NULL;
    if ((size_t)(pool_open[k].end - pool_open[k].at) >= capacity + POOL_HEADER) {
        b = (Block *)pool_open[k].at;
        b->slab = pool_open[k].slab;
        b->capacity = capacity;
        b->klass = k;
        b->slab->blocks++;
        pool_open[k].at += capacity + POOL_HEADER;
    }
    return b;
}

static Block *pool_fresh(int k, size_t capacity) {
    Block *b;
    size_t total = (capacity + POOL_HEADER + 63) & ~(size_t)63;
    if (k >= 0 && k < POOL_CUT) {
        Slab *slab = (Slab *)aligned_alloc(64, POOL_SLAB);
        if (!slab) return NULL;
        slab->blocks = slab->idle = 0;
        pool_acquire();
        slab->next = pool_slabs;
        pool_slabs = slab;
        pool_open[k].slab = slab;
        pool_open[k].at = (char *)slab + POOL_HEADER;
        pool_open[k].end = (char *)slab + POOL_SLAB;
        b = pool_cut(k, capacity);
        pool_release();
        return b;
    }
    b = (Block *)aligned_alloc(64, total);
    if (!b) return NULL;
    pool_large_pages(b, total);
    b->slab = NULL;
    b->capacity = capacity;
    b->klass = k;
    return b;
}

static void *pool_new(size_t size, int zero) {
    size_t capacity;
    int k;
    Block *b = NULL;
    if (size > SIZE_MAX / 2) return NULL;
    k = pool_class(size, &capacity);
    if (k >= 0) {
        pool_acquire();
        b = pool_lists[k];
        if (b) { pool_lists[k] = b->next; pool_cached -= b->capacity; }
        else if (k < POOL_CUT) b = pool_cut(k, capacity);
        pool_release();
    }
    if (!b) b = pool_fresh(k, capacity);
    if (!b) { pool_clear(); b = pool_fresh(k, capacity); }
    if (!b) return NULL;
    if (zero) memset((char *)b + POOL_HEADER, 0, size);
    return (char *)b + POOL_HEADER;
}

static void *pool_malloc(void *ctx, size_t size) { (void)ctx; return pool_new(size, 0); }

static void *pool_calloc(void *ctx, size_t n, size_t size) {
    (void)ctx;
    if (size && n > SIZE_MAX / 2 / size) return NULL;
    return pool_new(n * size, 1);
}

static void pool_free(void *ctx, void *p, size_t size) {
    Block *b;
    (void)ctx; (void)size;
    if (!p) return;
    b = (Block *)((char *)p - POOL_HEADER);
    if (b->klass >= 0) {
        pool_acquire();
        if (b->slab || pool_cached + b->capacity <= pool_bound) {
            b->next = pool_lists[b->klass];
            pool_lists[b->klass] = b;
            pool_cached += b->capacity;
            if (b->slab && pool_cached > pool_bound && pool_cached > pool_full) {
                pool_clear_slabs();
                pool_full = 2 * pool_cached;
            }
            b = NULL;
        }
        pool_release();
    }
    free(b);
}

static void *pool_realloc(void *ctx, void *p, size_t size) {
    Block *b;
    void *q;
    if (!p) return pool_malloc(ctx, size);
    b = (Block *)((char *)p - POOL_HEADER);
    q = pool_malloc(ctx, size);
    if (!q) return NULL;
    memcpy(q, p, b->capacity < size ? b->capacity : size);
    pool_free(ctx, p, 0);
    return q;
}

typedef struct {
    char name[127];
    uint8_t version;
    struct {
        void *ctx;
        void *(*malloc)(void *, size_t);
        void *(*calloc)(void *, size_t, size_t);
        void *(*realloc)(void *, void *, size_t);
        void (*free)(void *, void *, size_t);
    } allocator;
} PoolHandler; /* PyDataMem_Handler of NumPy's C API, version 1 */

static PoolHandler pool_handler = {
    "mmad_pool", 1, {NULL, pool_malloc, pool_calloc, pool_realloc, pool_free}
};
#endif
