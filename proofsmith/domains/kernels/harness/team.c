/* An OpenMP runtime in plain POSIX threads, so that a race detector sees every hand-over between threads, and only those.
 *
 * It stands in for GCC's libgomp in one test build and is written for clarity, not speed. Every loop is dealt out chunk by
 * chunk in turn, which any schedule may do, without the threads touching anything in common. Tasks run at once in the
 * thread that makes them. Entry points are those that GCC 12 emits.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

enum { TEAM = 3 };
typedef void (*body)(void *);

struct loop { long next, end, step, chunk; };
struct team {
    body function;
    void *data;
    int threads;
    struct loop first;
    pthread_barrier_t barrier;
};
struct member { struct team *team; int number; unsigned singles; struct loop loop; };

static _Thread_local struct member own;
static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER, atomic = PTHREAD_MUTEX_INITIALIZER;

static int threads(void) { return own.team ? own.team->threads : 1; }

/* Take the chunks number, number + threads, number + 2 threads ... of a loop. */
static void deal(struct loop loop) {
    if (loop.chunk < 1) loop.chunk = 1;
    loop.next += own.number * loop.chunk * loop.step;
    own.loop = loop;
}

static bool take(long *from, long *to) {
    struct loop *loop = &own.loop;
    if (loop->step > 0 ? loop->next >= loop->end : loop->next <= loop->end) return false;
    *from = loop->next;
    *to = loop->next + loop->chunk * loop->step;
    if (loop->step > 0 ? *to > loop->end : *to < loop->end) *to = loop->end;
    loop->next += threads() * loop->chunk * loop->step;
    return true;
}

static bool begin(long from, long to, long step, long chunk, long *first, long *last) {
    deal((struct loop){from, to, step, chunk});
    return take(first, last);
}

static void *work(void *given) {
    own = *(struct member *)given;
    deal(own.team->first);
    own.team->function(own.team->data);
    return NULL;
}

static void run(body function, void *data, unsigned wanted, struct loop first) {
    struct member outer = own;
    struct team team = {function, data, outer.team ? 1 : wanted ? (int)wanted : TEAM, first, {{0}}};
    pthread_t *ids = calloc((size_t)team.threads, sizeof *ids);
    struct member *members = calloc((size_t)team.threads, sizeof *members);
    if (!ids || !members || pthread_barrier_init(&team.barrier, NULL, (unsigned)team.threads)) abort();
    for (int i = 0; i < team.threads; i++) members[i] = (struct member){.team = &team, .number = i};
    for (int i = 1; i < team.threads; i++)
        if (pthread_create(&ids[i], NULL, work, &members[i])) abort();
    work(&members[0]);
    for (int i = 1; i < team.threads; i++) pthread_join(ids[i], NULL);
    own = outer;
    pthread_barrier_destroy(&team.barrier);
    free(members), free(ids);
}

void GOMP_parallel(body function, void *data, unsigned count, unsigned flags) {
    (void)flags;
    run(function, data, count, (struct loop){0, 0, 1, 1});
}

void GOMP_barrier(void) {
    if (own.team) pthread_barrier_wait(&own.team->barrier);
}

void GOMP_loop_end_nowait(void) {}
void GOMP_loop_end(void) { GOMP_barrier(); }

#define PARALLEL(kind, ...)                                                                                            \
    bool GOMP_loop_##kind##_next(long *first, long *last) { return take(first, last); }                                \
    void GOMP_parallel_loop_##kind(body function, void *data, unsigned count, long from, long to, long step,           \
                                   __VA_ARGS__ unsigned flags)
#define LOOP(kind)                                                                                                     \
    bool GOMP_loop_##kind##_start(long from, long to, long step, long chunk, long *first, long *last) {                \
        return begin(from, to, step, chunk, first, last);                                                              \
    }                                                                                                                  \
    PARALLEL(kind, long chunk, ) { (void)flags, run(function, data, count, (struct loop){from, to, step, chunk}); }
#define CHOSEN(kind)                                                                                                   \
    bool GOMP_loop_##kind##_start(long from, long to, long step, long *first, long *last) {                            \
        return begin(from, to, step, 1, first, last);                                                                  \
    }                                                                                                                  \
    PARALLEL(kind, ) { (void)flags, run(function, data, count, (struct loop){from, to, step, 1}); }
LOOP(static)
LOOP(dynamic)
LOOP(guided)
LOOP(nonmonotonic_dynamic)
LOOP(nonmonotonic_guided)
CHOSEN(runtime)
CHOSEN(nonmonotonic_runtime)
CHOSEN(maybe_nonmonotonic_runtime)

bool GOMP_single_start(void) { return own.number == (int)(own.singles++ % (unsigned)threads()); }

unsigned GOMP_sections_next(void) {
    long from, to;
    return take(&from, &to) ? (unsigned)from : 0;
}
unsigned GOMP_sections_start(unsigned count) {
    deal((struct loop){1, (long)count + 1, 1, 1});
    return GOMP_sections_next();
}
void GOMP_sections_end_nowait(void) {}
void GOMP_sections_end(void) { GOMP_barrier(); }
void GOMP_parallel_sections(body function, void *data, unsigned threads, unsigned count, unsigned flags) {
    (void)flags;
    run(function, data, threads, (struct loop){1, (long)count + 1, 1, 1});
}

void GOMP_critical_start(void) { pthread_mutex_lock(&critical); }
void GOMP_critical_end(void) { pthread_mutex_unlock(&critical); }
void GOMP_critical_name_start(void **name) { (void)name, pthread_mutex_lock(&critical); }
void GOMP_critical_name_end(void **name) { (void)name, pthread_mutex_unlock(&critical); }
void GOMP_atomic_start(void) { pthread_mutex_lock(&atomic); }
void GOMP_atomic_end(void) { pthread_mutex_unlock(&atomic); }

void GOMP_task(body function, void *data, void (*copy)(void *, void *), long bytes, long align, bool deferred,
               unsigned flags, void **depend, int priority, void *detach) {
    (void)align, (void)deferred, (void)flags, (void)depend, (void)priority, (void)detach;
    if (!copy) {
        function(data);
        return;
    }
    void *arguments = malloc((size_t)bytes);
    if (!arguments) abort();
    copy(arguments, data);
    function(arguments);
    free(arguments);
}
void GOMP_taskwait(void) {}
void GOMP_taskgroup_start(void) {}
void GOMP_taskgroup_end(void) {}

int omp_get_thread_num(void) { return own.number; }
int omp_get_num_threads(void) { return threads(); }
int omp_get_max_threads(void) { return TEAM; }
int omp_get_num_procs(void) { return TEAM; }
int omp_in_parallel(void) { return own.team != NULL; }
int omp_get_level(void) { return own.team != NULL; }
