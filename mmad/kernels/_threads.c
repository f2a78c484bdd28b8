/* A few threads that wait for the parts of a long group.
 *
 * They are started when first asked for, serve one caller at a time (another one works alone meanwhile), and are started
 * anew in a child process, which has none of its parent's.
 */
#include "_vm.h"

#ifdef _WIN32
int mm_parallel(int parts, void (*work)(void *, int), void *argument) {
    for (int i = 0; i < parts; i++) work(argument, i);
    return 1;
}
#else
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t caller = PTHREAD_MUTEX_INITIALIZER, lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begin = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static int started, wanted, waiting_for, poles;
static unsigned long turn;
static pid_t owner;
static void (*job)(void *, int);
static void *job_argument;

static void *serve(void *number) {
    const int part = (int)(intptr_t)number;
    unsigned long seen = 0;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (turn == seen) pthread_cond_wait(&begin, &lock);
        seen = turn;
        if (part >= wanted) continue;
        pthread_mutex_unlock(&lock);
        mm_poles_forget();
        job(job_argument, part);
        pthread_mutex_lock(&lock);
        poles |= mm_poles_met();
        if (--waiting_for == 0) pthread_cond_signal(&finished);
    }
    return NULL;
}

static void after_fork(void) { /* locks and threads of the parent mean nothing here */
    caller = lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    begin = finished = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    started = wanted = waiting_for = 0;
    turn = 0;
    owner = getpid();
}

static int start(int parts) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes)) return 0;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (started < parts - 1 && !pthread_create(&thread, &attributes, serve, (void *)(intptr_t)(started + 1))) started++;
    pthread_attr_destroy(&attributes);
    return started >= parts - 1;
}

int mm_parallel(int parts, void (*work)(void *, int), void *argument) {
    if (pthread_mutex_trylock(&caller)) return 0;
    if (!owner) {
        owner = getpid();
        pthread_atfork(NULL, NULL, after_fork);
    }
    pthread_mutex_lock(&lock);
    if (!start(parts)) {
        pthread_mutex_unlock(&lock);
        pthread_mutex_unlock(&caller);
        return 0;
    }
    job = work;
    job_argument = argument;
    wanted = parts;
    waiting_for = parts - 1;
    poles = 0;
    turn++;
    pthread_cond_broadcast(&begin);
    pthread_mutex_unlock(&lock);
    work(argument, 0);
    pthread_mutex_lock(&lock);
    while (waiting_for) pthread_cond_wait(&finished, &lock);
    mm_poles_keep(poles);
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&caller);
    return 1;
}
#endif

typedef struct {
    const Group *g;
    char **buffers;
    const double *slots;
    char *scratch;
    size_t one;
    int parts;
    int64_t lo[MM_THREADS + 1];
    double totals[MM_THREADS][MM_TOTALS];
} Parts;

static void run_part(void *argument, int k) {
    Parts *p = argument;
    /* The last block is left where it touches what the next part begins with. */
    int64_t hi = p->lo[k + 1];
    if (p->g->divisible == 2 && k + 1 < p->parts) hi -= p->g->block;
    mm_group_run(p->g, p->buffers, p->slots, p->scratch + p->one * (size_t)k, p->lo[k], hi, k ? p->lo[k] : 0,
                 k + 1 < p->parts ? p->lo[k + 1] : INT64_MAX, p->totals[k]);
}

static void combine(const Group *g, double *totals, const double *part) {
    for (int i = 0; i < g->stores && i < MM_TOTALS; i++)
        if (TOTAL_ADD <= g->store[i].action && g->store[i].action <= TOTAL_MINIMUM)
            totals[i] = mm_combine(g->store[i].action, totals[i], part[i]);
}

int mm_group_run_parallel(const Group *g, char **buffers, const double *slots, char *scratch, size_t one, int threads,
                          double *totals) {
    Parts p = {.g = g, .buffers = buffers, .slots = slots, .scratch = scratch, .one = one, .parts = threads};
    const int64_t blocks = (g->size + g->block - 1) / g->block;
    double rest[MM_TOTALS];
    if (!g->divisible || threads < 2 || threads > MM_THREADS || blocks < 4 * threads) return 0;
    const int64_t part = g->divisible < 0 ? -(int64_t)g->divisible : g->block;
    const int64_t count = g->divisible < 0 ? g->size / part : blocks;
    if (count < 2) return 0;
    if (count < threads) threads = p.parts = (int)count;
    for (int k = 0; k < threads; k++) p.lo[k] = count * k / threads * part;
    p.lo[threads] = g->size;
    if (!mm_parallel(threads, run_part, &p)) return 0;
    for (int i = 0; i < g->stores && i < MM_TOTALS; i++) totals[i] = p.totals[0][i];
    for (int k = 1; k < threads; k++) {
        if (g->divisible == 2) {
            mm_group_run(g, buffers, slots, scratch, p.lo[k] - g->block, p.lo[k], 0, 0, rest);
            combine(g, totals, rest);
        }
        combine(g, totals, p.totals[k]);
    }
    return 1;
}
