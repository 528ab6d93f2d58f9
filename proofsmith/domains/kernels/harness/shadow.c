/* Estimates how far rounding may move every result of a base kernel: Monte Carlo arithmetic (Parker, 1997).
 *
 * usage: shadow JOB OUT SECONDS
 *
 * The kernel is compiled with its floating-point type replaced by a 128-bit one, whose operations GCC leaves to functions
 * that are defined here: they compute in 64-bit precision. The first run adds nothing; in the next SAMPLES every operation
 * has a random relative error of the size that the original type has; in the last DRIFTS every multiplication, division
 * and function errs by that much in one direction for the whole run, as it does when a constant is folded or inverted
 * and rounded once (such errors grow with the number of steps, random ones only with its root). For every written
 * element OUT gets the result of the first run and the root mean square of the random runs' distance from it, or that of
 * the drifting ones over DRIFT_SHARE when it is larger; for integers, whether they differed. JOB is laid out by jobs.py.
 */
#define SHADOW_RUNTIME
#include "shadow.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
typedef __float128 wide;
void proofsmith_call(void **slots, void *result);
extern const int proofsmith_width[]; /* per parameter, then the result: bytes of a floating type, negative for integers */
extern const double proofsmith_unit;

enum { IN = 0, OUT = 1, SAMPLES = 8, DRIFTS = 4, MAXIMUM_PARAMETERS = 64, RESULT = 1, END = 4 };
#define DRIFT_SHARE 4 /* bounds.py allows 16 random deviations, so 4 times the drift of one rounding */
#define NOISE_COST 1.5 /* a run with noise takes so many times one without */
#define READABLE_S 5e-3
struct header { u64 magic, calls, parameters, rounding, threads, poison; };
struct parameter { u64 pointer, capacity, align; };
struct argument { u64 value, access, offset, alias; };

static long double level, bias, smallest;
static u64 state, drift; /* drift: number of a drifting run, from 1 */

static long double uniform(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (long double)(int64_t)state * 0x1p-63L;
}

/* Conversions between the two formats, whose exponents are alike, without libgcc's calls where numbers are normal. */
enum { EXPONENT = 0x7FFF };
union bits {
    wide wide;
    long double narrow;
    struct { u64 low, high; } words;
};

static long double narrow(wide value) {
    union bits from = {.wide = value}, to = {.narrow = 0};
    u64 top = from.words.high >> 48, exponent = top & EXPONENT;
    if (exponent == 0 || exponent == EXPONENT) return value;
    to.words.low = from.words.high << 15 | from.words.low >> 49 | 1ULL << 63;
    to.words.high = top;
    return to.narrow;
}

static wide widen(long double value) {
    union bits from = {.narrow = value}, to;
    u64 top = from.words.high & 0xFFFF, exponent = top & EXPONENT;
    if (exponent == 0 || exponent == EXPONENT) return value;
    to.words.low = from.words.low << 49;
    to.words.high = top << 48 | from.words.low << 1 >> 16;
    return to.wide;
}

static wide noisy(long double value, long double scale) {
    if (level == 0 || !__builtin_isfinite(value) || !__builtin_isfinite(scale)) return widen(value);
    return widen(value + uniform() * (level * scale + smallest));
}

/* Places of the program that round, in the order in which they first ran. */
enum { PLACES = 1024 };
static struct { u64 address, number; } places[PLACES];
static u64 seen;

static u64 number_of(const char *address) {
    u64 key = (u64)(address - (const char *)proofsmith_call) | 1ULL << 63; /* the same wherever the program is loaded */
    u64 at = key * 0x9E3779B97F4A7C15u >> 54;
    while (places[at].address && places[at].address != key) at = (at + 1) % PLACES;
    if (!places[at].address && seen < PLACES - 1) places[at].address = key, places[at].number = seen++;
    return places[at].number;
}

/* Four places err in orthogonal patterns over the drifting runs, so that not all their runs cancel; more err at random. */
static wide drifting(long double value, const char *address) {
    if (!drift) return noisy(value, value);
    u64 place = number_of(address), mixed = (place / DRIFTS * DRIFTS + drift) * 0x9E3779B97F4A7C15u;
    int sign = __builtin_parityll(place & (drift - 1) & 3) ^ (place >= DRIFTS && mixed >> 63);
    return __builtin_isfinite(value) ? widen(value * (1 + (sign ? -bias : bias))) : widen(value);
}

static long double larger(long double a, long double b) {
    a = fabsl(a), b = fabsl(b);
    return a > b ? a : b;
}

#define CALLER ((const char *)__builtin_return_address(0))
wide __addtf3(wide a, wide b);
wide __subtf3(wide a, wide b);
wide __multf3(wide a, wide b);
wide __divtf3(wide a, wide b);
wide __addtf3(wide a, wide b) {
    long double x = narrow(a), y = narrow(b);
    return noisy(x + y, larger(x, y));
}
wide __subtf3(wide a, wide b) {
    long double x = narrow(a), y = narrow(b);
    return noisy(x - y, larger(x, y));
}
wide __multf3(wide a, wide b) {
    return drifting(narrow(a) * narrow(b), CALLER);
}
wide __divtf3(wide a, wide b) {
    return drifting(narrow(a) / narrow(b), CALLER);
}

static int exact(const char *name) {
    static const char *const names[] = {"fabs", "floor", "ceil", "round", "trunc", "rint", "nearbyint", "fmin", "fmax", "copysign", "fmod"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) return 1;
    return 0;
}

#undef SHADOW_ONE
#undef SHADOW_TWO
#define SHADOW_ONE(name)                                      \
    wide shadow_##name(wide x) {                              \
        long double v = name##l((long double)x);              \
        return exact(#name) ? (wide)v : drifting(v, CALLER);  \
    }
#define SHADOW_TWO(name)                                                  \
    wide shadow_##name(wide x, wide y) {                                  \
        long double v = name##l((long double)x, (long double)y);          \
        return exact(#name) ? (wide)v : drifting(v, CALLER);              \
    }
SHADOW_FUNCTIONS(SHADOW_ONE, SHADOW_TWO)
wide shadow_fma(wide x, wide y, wide z) { return __addtf3(drifting(narrow(x) * narrow(y), CALLER), z); }

static const struct header *job;
static const struct parameter *parameters;
static const unsigned char *file;
static unsigned char *now[MAXIMUM_PARAMETERS + 1], *first[MAXIMUM_PARAMETERS + 1];
static long double *square[MAXIMUM_PARAMETERS + 1], *drifted[MAXIMUM_PARAMETERS + 1];
static int out_fd;
static double seconds; /* of processor time */

static void put(const void *data, size_t bytes) {
    for (const char *at = data; bytes > 0;) {
        ssize_t done = write(out_fd, at, bytes);
        if (done <= 0) _exit(70);
        at += done, bytes -= (size_t)done;
    }
}

static void *room(size_t bytes) {
    void *made = calloc(bytes + 64, 1);
    if (!made) _exit(71);
    return made;
}

static int width_of(u64 i) { return proofsmith_width[i]; }
static size_t stride(u64 i) { return width_of(i) > 0 ? sizeof(wide) : (size_t)-width_of(i); }
static size_t count_of(u64 i, const struct argument *arguments) {
    return i == job->parameters ? 1 : arguments[i].value / (u64)abs(width_of(i));
}

static wide widened(const unsigned char *from, int width) {
    double d;
    float f;
    if (width == 4) return memcpy(&f, from, 4), f;
    return memcpy(&d, from, 8), d;
}

static void fill(u64 i, const struct argument *argument, unsigned char *to) {
    const unsigned char *from = file + argument->offset;
    size_t bytes = argument->value;
    int width = width_of(i);
    if (argument->access == OUT) memset(to, 0xFF, bytes / (size_t)abs(width) * stride(i));
    else if (width < 0) memcpy(to, from, bytes);
    else
        for (size_t k = 0; k < bytes / (size_t)width; k++) ((wide *)to)[k] = widened(from + k * (size_t)width, width);
}

static void evaluate(const struct argument *arguments) {
    void *slots[MAXIMUM_PARAMETERS];
    static wide values[MAXIMUM_PARAMETERS];
    for (u64 i = 0; i < job->parameters; i++) {
        const struct argument *argument = &arguments[i];
        if (!parameters[i].pointer) {
            values[i] = width_of(i) > 0 ? widened((const unsigned char *)&argument->value, width_of(i)) : 0;
            slots[i] = width_of(i) > 0 ? (void *)&values[i] : (void *)&argument->value;
        } else if (!argument->alias) fill(i, argument, now[i]), slots[i] = now[i];
    }
    for (u64 i = 0; i < job->parameters; i++)
        if (parameters[i].pointer && arguments[i].alias) {
            slots[i] = now[arguments[i].alias - 1];
            if (arguments[i].access != OUT) fill(i, &arguments[i], slots[i]);
        }
    memset(now[job->parameters], 0, sizeof(wide));
    proofsmith_call(slots, now[job->parameters]);
}

static unsigned char *place(u64 i, const struct argument *arguments) {
    return i < job->parameters && arguments[i].alias ? now[arguments[i].alias - 1] : now[i];
}

/* Remember the first run, or add how far this one is from it. */
static void record(u64 i, const struct argument *arguments, int sample) {
    size_t count = count_of(i, arguments), bytes = count * stride(i);
    const unsigned char *data = place(i, arguments);
    if (sample == 0) {
        memcpy(first[i], data, bytes);
        memset(square[i], 0, count * sizeof **square);
        memset(drifted[i], 0, count * sizeof **drifted);
        return;
    }
    long double *sum = drift ? drifted[i] : square[i];
    for (size_t k = 0; k < count; k++) {
        if (width_of(i) < 0) {
            sum[k] += memcmp(data + k * stride(i), first[i] + k * stride(i), stride(i)) != 0;
            continue;
        }
        long double away = (long double)((const wide *)data)[k] - (long double)((const wide *)first[i])[k];
        sum[k] += away * away;
    }
}

static void report(u64 i, const struct argument *arguments) {
    size_t count = count_of(i, arguments);
    for (size_t k = 0; k < count; k++) {
        long double random = sqrtl(square[i][k] / SAMPLES), steady = sqrtl(drifted[i][k] / DRIFTS) / DRIFT_SHARE;
        double pair[2] = {0, (double)(random >= steady || random != random ? random : steady)};
        if (width_of(i) > 0) pair[0] = (double)((const wide *)first[i])[k];
        put(pair, sizeof pair);
    }
}

static int written(u64 i, const struct argument *arguments) {
    if (i == job->parameters) return width_of(i) != 0;
    return parameters[i].pointer && arguments[i].access != IN;
}

static double spent(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* All samples of a call count or none: begin no call that seems to take too long. Work grows at least with the data. */
static void allow(double expected) {
    if (spent() + expected > seconds) _exit(0);
}

static void call(u64 index, const struct argument *arguments) {
    static double per_byte;
    u64 bytes = 0, held = 1;
    for (u64 i = 0; i < job->parameters; i++)
        if (parameters[i].pointer) held += arguments[i].value;
    allow(per_byte * (double)held);
    double begun = spent();
    for (int sample = 0; sample <= SAMPLES + DRIFTS; sample++) {
        if (sample == 1) allow((SAMPLES + DRIFTS) * NOISE_COST * (spent() - begun));
        drift = sample > SAMPLES ? (u64)(sample - SAMPLES) : 0;
        level = sample && !drift ? proofsmith_unit : 0;
        state = 0x9E3779B97F4A7C15u * (index * 16 + (u64)sample + 1);
        evaluate(arguments);
        for (u64 i = 0; i <= job->parameters; i++)
            if (written(i, arguments)) record(i, arguments, sample);
    }
    if (spent() - begun > READABLE_S) per_byte = (spent() - begun) / (double)held;
    for (u64 i = 0; i <= job->parameters; i++)
        if (written(i, arguments)) bytes += 16 * count_of(i, arguments);
    u64 words[5] = {RESULT, index, 0, 0, bytes};
    put(words, sizeof words);
    for (u64 i = 0; i <= job->parameters; i++)
        if (written(i, arguments)) report(i, arguments);
}

static void out_of_time(int number) {
    (void)number;
    _exit(0);
}

int main(int argc, char **argv) {
    struct stat status;
    if (argc != 4) return 64;
    int fd = open(argv[1], O_RDONLY);
    out_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || out_fd < 0 || fstat(fd, &status)) return 71;
    file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED) return 71;
    job = (const struct header *)file;
    parameters = (const struct parameter *)(job + 1);
    bias = proofsmith_unit;
    smallest = proofsmith_unit < 1e-10 ? 0x1p-1074L : 0x1p-149L;
    for (u64 i = 0; i <= job->parameters; i++) {
        size_t count = i < job->parameters && parameters[i].pointer ? parameters[i].capacity / (u64)abs(width_of(i)) : 1;
        now[i] = room(count * 16), first[i] = room(count * 16);
        square[i] = room(count * sizeof **square), drifted[i] = room(count * sizeof **drifted);
    }
    const u64 *at = (const u64 *)(parameters + job->parameters);
    /* Calls come in ascending size; what is not finished in time is left out. */
    seconds = atof(argv[3]);
    struct itimerval limit = {.it_value = {(time_t)seconds, (suseconds_t)((seconds - floor(seconds)) * 1e6)}};
    signal(SIGVTALRM, out_of_time);
    setitimer(ITIMER_VIRTUAL, &limit, NULL);
    for (u64 index = 0; index < job->calls; index++) {
        call(index, (const struct argument *)(at + 1));
        at += 1 + 4 * job->parameters;
    }
    u64 words[5] = {END, job->calls, job->magic, 0, 0};
    put(words, sizeof words);
    return 0;
}
