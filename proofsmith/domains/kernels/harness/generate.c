/* Fresh contents for timed calls. xoshiro256+ (Blackman, Vigna, ACM TOMS 47, 2021) seeded by splitmix64. */
#include "generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void random_seed(struct random *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i] = z ^ (z >> 31);
    }
}

static inline uint64_t next(struct random *r) {
    uint64_t *s = r->s, result = s[0] + s[3], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

uint64_t random_bits(struct random *r) { return next(r); }

static inline double unit(struct random *r) { return (double)(next(r) >> 11) * 0x1p-53; }

static inline int64_t whole(struct random *r, double low, double high) {
    double span = high - low + 1;
    if (span >= 0x1p63) return (int64_t)next(r);
    return (int64_t)low + (int64_t)(((unsigned __int128)next(r) * (uint64_t)span) >> 64);
}

static void put(const struct parameter *p, void *to, size_t i, double value, int64_t integer) {
    char *at = (char *)to + i * p->width;
    if (p->kind == FLOATING) {
        float f = (float)value;
        long double l = value;
        if (p->width == sizeof f) memcpy(at, &f, sizeof f);
        else if (p->width == sizeof value) memcpy(at, &value, sizeof value);
        else memcpy(at, &l, sizeof l < p->width ? sizeof l : p->width);
    } else {
        memcpy(at, &integer, p->width); /* little endian: low bytes first */
    }
}

static void fill_any(const struct parameter *p, void *to, struct random *r) {
    double low = p->low, span = p->high - p->low;
    if (p->kind == FLOATING && p->width == 8) {
        double *x = to;
        for (size_t i = 0; i < p->count; i++) x[i] = low + span * unit(r);
    } else if (p->kind == FLOATING && p->width == 4) {
        float *x = to;
        for (size_t i = 0; i < p->count; i++) x[i] = (float)(low + span * unit(r));
    } else if (p->kind == FLOATING) {
        for (size_t i = 0; i < p->count; i++) put(p, to, i, low + span * unit(r), 0);
    } else {
        for (size_t i = 0; i < p->count; i++) put(p, to, i, 0, whole(r, p->low, p->high));
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted values; offsets also start at `low` and end at `high` (0 and the number of entries they point into). */
static void fill_sorted(const struct parameter *p, void *to, struct random *r) {
    double *v = malloc((p->count + 1) * sizeof *v);
    for (size_t i = 0; v && i < p->count; i++)
        v[i] = p->kind == FLOATING ? p->low + (p->high - p->low) * unit(r) : (double)whole(r, p->low, p->high);
    if (v && p->structure == OFFSETS && p->count) v[0] = p->low, v[p->count - 1] = p->high;
    if (v) qsort(v, p->count, sizeof *v, ascending);
    for (size_t i = 0; v && i < p->count; i++) put(p, to, i, v[i], (int64_t)v[i]);
    free(v);
}

static void fill_permutation(const struct parameter *p, void *to, struct random *r) {
    char *x = to;
    for (size_t i = 0; i < p->count; i++) {
        size_t j = (size_t)(((unsigned __int128)next(r) * (i + 1)) >> 64);
        memcpy(x + i * p->width, x + j * p->width, p->width);
        put(p, to, j, (double)i, (int64_t)i);
    }
}

/* Well-conditioned square matrices: the diagonal outweighs its row. */
static void fill_square(const struct parameter *p, void *to, struct random *r) {
    size_t n = (size_t)(sqrt((double)p->count) + 0.5);
    fill_any(p, to, r);
    char *x = to;
    double bound = fmax(fabs(p->low), fabs(p->high));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n && p->structure != DOMINANT; j++) {
            char *upper = x + (i * n + j) * p->width, *mirror = x + (j * n + i) * p->width;
            if (p->structure == SPD) memcpy(upper, mirror, p->width);
            else memset(upper, 0, p->width);
        }
        put(p, to, i * n + i, bound * ((double)n + 1 + unit(r)), 0);
    }
}

static void fill_output(const struct parameter *p, void *to, struct random *r) {
    char *x = to;
    size_t bytes = p->count * p->width;
    for (size_t i = 0; i < bytes && p->kind != FLOATING; i += 8) {
        uint64_t bits = next(r);
        memcpy(x + i, &bits, bytes - i < 8 ? bytes - i : 8);
    }
    if (p->kind == FLOATING)
        for (size_t i = 0; i < p->count; i++) put(p, to, i, NAN, 0);
}

void parameter_fill(const struct parameter *p, void *to, uint64_t seed) {
    struct random r;
    random_seed(&r, seed);
    if (p->access == OUT) {
        fill_output(p, to, &r);
        return;
    }
    switch (p->structure) {
    case OFFSETS:
    case SORTED: fill_sorted(p, to, &r); break;
    case PERMUTATION: fill_permutation(p, to, &r); break;
    case SPD:
    case DOMINANT:
    case LOWER: fill_square(p, to, &r); break;
    case TEXT:
    case ANY: fill_any(p, to, &r); break;
    }
}

static long double get(const struct parameter *p, const void *from, size_t i) {
    const char *at = (const char *)from + i * p->width;
    float f;
    double d;
    long double l = 0;
    if (p->width == sizeof f) return memcpy(&f, at, sizeof f), (long double)f;
    if (p->width == sizeof d) return memcpy(&d, at, sizeof d), (long double)d;
    return memcpy(&l, at, sizeof l), l;
}

int parameter_differs(const struct parameter *p, const void *a, const void *b, size_t *at, double *error) {
    *at = 0;
    *error = INFINITY;
    if (!memcmp(a, b, p->count * p->width)) return 0;
    long double largest = 0;
    int loose = p->kind == FLOATING && p->tolerance >= 0 && p->access != IN;
    for (size_t i = 0; loose && i < p->count; i++) {
        long double x = fabsl(get(p, a, i));
        if (x > largest && x <= 0x1p16383L) largest = x;
    }
    for (size_t i = 0; i < p->count; i++) {
        *at = i;
        if (p->kind != FLOATING || p->access == IN) {
            if (memcmp((const char *)a + i * p->width, (const char *)b + i * p->width, p->width)) return 1;
            continue;
        }
        long double x = get(p, a, i), y = get(p, b, i);
        if (isnan(x) && isnan(y)) continue;
        if (x == y && signbit(x) == signbit(y)) continue;
        long double difference = fabsl(x - y);
        if (loose && (x == y || difference <= p->tolerance * largest)) continue;
        *error = (double)(difference / largest);
        return 1;
    }
    return 0;
}
