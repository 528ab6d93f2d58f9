/* Measure what one core can do at best: fused multiply-adds per second and bytes per second by working set.
 *
 * Everything is timed by CPU time, since wall time on a shared machine reads several times lower (Williams, Waterman,
 * Patterson, "Roofline", CACM 52, 2009, for what the numbers are used for). Best of several short runs each.
 * Prints one JSON object. Compile with -O3 -march=native. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHAINS = 12, RUNS = 9 };
static volatile double sink;

/* The thread's clock: under a CPU limit the clock of the own process advances with the scheduler's ticks only. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Enough independent chains to hide the latency of two units; returns operations per second. */
#define PEAK(name, type, bytes)                                                                                        \
    static double name(void) {                                                                                         \
        typedef type vector __attribute__((vector_size(bytes)));                                                       \
        const long rounds = 100000;                                                                                    \
        double best = 0;                                                                                               \
        for (int run = 0; run < RUNS; run++) {                                                                         \
            vector acc[CHAINS], factor, addend;                                                                        \
            for (unsigned i = 0; i < bytes / sizeof(type); i++) factor[i] = (type)0.999, addend[i] = (type)0.001;      \
            for (int i = 0; i < CHAINS; i++) acc[i] = factor + (type)i;                                                \
            double start = now();                                                                                      \
            for (long r = 0; r < rounds; r++) {                                                                        \
                _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) acc[i] = acc[i] * factor + addend;           \
                __asm__ volatile("" ::: "memory");                                                                     \
            }                                                                                                          \
            double rate = 2.0 * CHAINS * (bytes / sizeof(type)) * (double)rounds / (now() - start);                    \
            for (int i = 0; i < CHAINS; i++) sink += (double)acc[i][0];                                                \
            if (rate > best) best = rate;                                                                              \
        }                                                                                                              \
        return best;                                                                                                   \
    }

PEAK(double_16, double, 16)
PEAK(float_16, float, 16)
#if defined(__AVX__)
PEAK(double_32, double, 32)
PEAK(float_32, float, 32)
#endif
#if defined(__AVX512F__)
PEAK(double_64, double, 64)
PEAK(float_64, float, 64)
#endif

static double larger(double a, double b) { return a > b ? a : b; }

static double read_all(const double *x, size_t count) {
    typedef double vector __attribute__((vector_size(32), aligned(32)));
    const vector *v = (const vector *)x;
    vector s[4] = {{0}};
    for (size_t i = 0; i + 4 <= count / 4; i += 4)
        for (int k = 0; k < 4; k++) s[k] += v[i + (size_t)k];
    vector t = s[0] + s[1] + s[2] + s[3];
    return t[0] + t[1] + t[2] + t[3];
}

static void triad(double *restrict a, const double *restrict b, const double *restrict c, size_t count) {
    for (size_t i = 0; i < count; i++) a[i] = b[i] + 0.5 * c[i];
}

/* Bytes per second over a working set: the better of reading it and of a = b + s * c. */
static double bandwidth(double *memory, size_t bytes) {
    size_t count = bytes / sizeof(double) / 48 * 48, third = count / 3 / 16 * 16;
    long rounds = (long)(larger(4e6, (double)bytes) / (double)bytes);
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now();
        for (long r = 0; r < rounds; r++) {
            sink += read_all(memory, count);
            __asm__ volatile("" ::: "memory");
        }
        best = larger(best, (double)rounds * (double)count * 8 / (now() - start));
        start = now();
        for (long r = 0; r < rounds; r++) {
            triad(memory, memory + third, memory + 2 * third, third);
            __asm__ volatile("" ::: "memory");
        }
        best = larger(best, (double)rounds * (double)third * 24 / (now() - start));
    }
    return best;
}

static size_t cache_bytes(int name, size_t otherwise) {
    long bytes = sysconf(name);
    return bytes > 0 ? (size_t)bytes : otherwise;
}

int main(void) {
    double doubles = double_16(), floats = float_16();
#if defined(__AVX__)
    doubles = larger(doubles, double_32()), floats = larger(floats, float_32());
#endif
#if defined(__AVX512F__)
    doubles = larger(doubles, double_64()), floats = larger(floats, float_64());
#endif
    size_t first = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32768), second = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 524288);
    size_t sets[4] = {first / 2, second / 2, second * 4, 128u << 20};
    size_t ends[3] = {first, second, second * 16};
    const char *names[4] = {"L1", "L2", "L3", "memory"};
    double *memory = aligned_alloc(4096, sets[3]);
    if (!memory) return 1;
    memset(memory, 0, sets[3]);
    printf("{\"double_flops\": %.4g, \"float_flops\": %.4g, \"levels\": [", doubles, floats);
    for (int i = 0; i < 4; i++)
        printf("%s[\"%s\", %zu, %.4g]", i ? ", " : "", names[i], i < 3 ? ends[i] : 0, bandwidth(memory, sets[i]));
    printf("]}\n");
    return 0;
}
