/* Fill arrays and scalars with fresh contents for timed calls, and compare what two sides made of them. */
#ifndef PROOFSMITH_GENERATE_H
#define PROOFSMITH_GENERATE_H
#include <stddef.h>
#include <stdint.h>

enum kind { FLOATING, SIGNED, UNSIGNED };
enum access { IN, OUT, INOUT };
/* in the order of contract.STRUCTURES */
enum structure { ANY, OFFSETS, SORTED, PERMUTATION, SPD, DOMINANT, LOWER, TEXT };

struct parameter {
    enum kind kind;
    size_t width;             /* bytes of one element: 1, 2, 4, 8; floating 4 or 8 */
    size_t count;             /* elements; 1 for a scalar or a returned value */
    enum access access;
    enum structure structure; /* square structures: count is order * order */
    double low, high;         /* inclusive range of the contents; low above high: none, random magnitudes in [1/8, 2) */
    double tolerance;         /* allowed |a - b| relative to the largest |a|, and for integers also the share of elements
                                 that may differ by more; negative: bit for bit */
    size_t offset;            /* bytes from the start of a slot */
    double largest;           /* kept by parameter_differs: the largest |a| so far */
    int seen;                 /* kept by it: calls in which few values differed before they are judged */
};

enum { LANES = 8 };
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));
struct random {
    lanes s[4], ready;
    int used;
};
void random_seed(struct random *r, uint64_t seed);
uint64_t random_bits(struct random *r);

/* Write new contents, a function of `seed` alone; outputs get NaN (floating) or random bits. */
void parameter_fill(const struct parameter *p, void *to, uint64_t seed);

/* Return 0 when `b` agrees with `a`, else 1 with the position and the error relative to the largest |a|. */
int parameter_differs(struct parameter *p, const void *a, const void *b, size_t *at, double *error);
#endif
