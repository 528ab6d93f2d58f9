/* Fresh contents for timed calls. xoshiro256+ (Blackman, Vigna, ACM TOMS 47, 2021), eight streams side by side so that
 * compilers use vectors, seeded by splitmix64. */
#include "generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void random_seed(struct random *r, uint64_t seed) {
    for (int i = 0; i < 4 * LANES; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i / LANES][i % LANES] = z ^ (z >> 31);
    }
    r->used = LANES;
}

static inline lanes refill(lanes s[4]) {
    lanes result = s[0] + s[3], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

static inline uint64_t next(struct random *r) {
    if (r->used == LANES) r->ready = refill(r->s), r->used = 0;
    return r->ready[r->used++];
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
        memcpy(at, p->width == sizeof f ? (void *)&f : (void *)&value, p->width);
    } else {
        memcpy(at, &integer, p->width); /* little endian: low bytes first */
    }
}

enum { FEW = 16, UNJUDGED = 3 };
enum { BLOCK = 64 * LANES }; /* words made at a time: they stay in the first-level cache */

enum shape { BITS, MAGNITUDES, UNIFORM };

/* Numbers without a range get random signs and magnitudes in [1/8, 2); with one, random mantissas make numbers in
 * [1, 2), which are stretched to low + span * value. */
static void shape_wide(uint64_t *words, size_t count, enum shape shape, double low, double span) {
    for (size_t i = 0; shape == MAGNITUDES && i < count; i++)
        words[i] = (words[i] & 0x803fffffffffffffu) | (uint64_t)1020 << 52;
    for (size_t i = 0; shape == UNIFORM && i < count; i++) {
        uint64_t bits = words[i] >> 12 | (uint64_t)1023 << 52;
        double value;
        memcpy(&value, &bits, 8);
        value = low + span * value;
        memcpy(words + i, &value, 8);
    }
}

static void shape_narrow(uint32_t *words, size_t count, enum shape shape, float low, float span) {
    for (size_t i = 0; shape == MAGNITUDES && i < count; i++)
        words[i] = (words[i] & 0x81ffffffu) | (uint32_t)124 << 23;
    for (size_t i = 0; shape == UNIFORM && i < count; i++) {
        uint32_t bits = words[i] >> 9 | (uint32_t)127 << 23;
        float value;
        memcpy(&value, &bits, 4);
        value = low + span * value;
        memcpy(words + i, &value, 4);
    }
}

static void fill_bits(const struct parameter *p, void *to, struct random *r, enum shape shape) {
    union {
        lanes in[BLOCK / LANES];
        uint64_t wide[BLOCK];
        uint32_t narrow[2 * BLOCK];
    } block;
    lanes state[4] = {r->s[0], r->s[1], r->s[2], r->s[3]};
    double span = p->high - p->low, low = p->low - span;
    for (size_t at = 0, bytes = p->count * p->width; at < bytes; at += sizeof block) {
        for (size_t i = 0; i < BLOCK / LANES; i++) block.in[i] = refill(state);
        if (p->width == 4) shape_narrow(block.narrow, 2 * BLOCK, shape, (float)low, (float)span);
        else shape_wide(block.wide, BLOCK, shape, low, span);
        memcpy((char *)to + at, &block, bytes - at < sizeof block ? bytes - at : sizeof block);
    }
    memcpy(r->s, state, sizeof state);
}

static void fill_any(const struct parameter *p, void *to, struct random *r) {
    double reach = ldexp(1, 8 * (int)p->width);
    if (p->kind == FLOATING && p->low > p->high) fill_bits(p, to, r, MAGNITUDES);
    else if (p->kind == FLOATING) fill_bits(p, to, r, UNIFORM);
    else if (p->high - p->low >= reach - 1) fill_bits(p, to, r, BITS);
    else
        for (size_t i = 0; i < p->count; i++) put(p, to, i, 0, whole(r, p->low, p->high));
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
        put(p, to, j, p->low + (double)i, (int64_t)p->low + (int64_t)i);
    }
}

/* Well-conditioned square matrices, row by row: the diagonal outweighs the rest of its row. */
static void fill_square(const struct parameter *p, void *to, struct random *r) {
    struct parameter inside = *p;
    size_t n = (size_t)(sqrt((double)p->count) + 0.5), width = p->width;
    double reach = p->structure == LOWER ? 1 / sqrt((double)n + 1) : 1;
    inside.low = -reach, inside.high = reach;
    fill_any(&inside, to, r);
    char *x = to;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n && p->structure == LOWER; j++) memset(x + (i * n + j) * width, 0, width);
        for (size_t j = i + 1; j < n && p->structure == SPD; j++)
            memcpy(x + (i * n + j) * width, x + (j * n + i) * width, width);
        put(p, to, i * n + i, (p->structure == LOWER ? 1 : (double)n) + unit(r), 0);
    }
}

static void fill_output(const struct parameter *p, void *to, struct random *r) {
    if (p->kind != FLOATING) fill_bits(p, to, r, BITS);
    else memset(to, 0xff, p->count * p->width); /* quiet NaN */
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
    uint64_t u = 0;
    if (p->kind == FLOATING && p->width == sizeof f) return memcpy(&f, at, sizeof f), (long double)f;
    if (p->kind == FLOATING) return memcpy(&d, at, sizeof d), (long double)d;
    memcpy(&u, at, p->width);
    int unused = 64 - 8 * (int)p->width;
    return p->kind == UNSIGNED ? (long double)u : (long double)((int64_t)(u << unused) >> unused);
}

int parameter_differs(struct parameter *p, const void *a, const void *b, size_t *at, double *error) {
    *at = 0;
    *error = INFINITY;
    int equal = !memcmp(a, b, p->count * p->width);
    if (equal && p->count >= FEW) return 0;
    /* Few values may cancel to almost nothing in one call: they are held against the largest of all calls so far. */
    long double largest = p->count < FEW ? p->largest : 0;
    int loose = p->tolerance >= 0 && p->access != IN;
    size_t spare = loose && p->kind != FLOATING ? (size_t)(p->tolerance * (double)p->count) : 0;
    for (size_t i = 0; loose && i < p->count; i++) {
        long double x = fabsl(get(p, a, i));
        if (x > largest && x <= 0x1p16383L) largest = x;
    }
    p->largest = (double)largest;
    if (equal) return 0;
    if (loose && p->count < FEW && p->kind == FLOATING && ++p->seen <= UNJUDGED) return 0;
    for (size_t i = 0; i < p->count; i++) {
        if (!memcmp((const char *)a + i * p->width, (const char *)b + i * p->width, p->width)) continue;
        long double x = get(p, a, i), y = get(p, b, i), difference = fabsl(x - y);
        if (p->kind == FLOATING && p->access != IN && isnan(x) && isnan(y)) continue;
        if (loose && (x == y || difference <= p->tolerance * largest)) continue;
        if (spare && spare--) continue; /* a label may flip where two floating-point distances tie */
        *at = i;
        *error = (double)(difference / largest);
        return 1;
    }
    return 0;
}
