/* A fast version by hand: what rules and models are compared with. */

typedef unsigned int v16 __attribute__((vector_size(64), aligned(4), may_alias));
#define UP1(v) __builtin_shufflevector(v, zero, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
#define UP2(v) __builtin_shufflevector(v, zero, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
#define UP4(v) __builtin_shufflevector(v, zero, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
#define UP8(v) \
    __builtin_shufflevector(v, zero, 16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7)
#define LAST(v) \
    __builtin_shufflevector(v, v, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15)

/* Sums inside a vector in four shifted additions; one addition on the chain from vector to vector. */
void prefix_sum(int n, const unsigned int *in, unsigned int *out)
{
    const v16 zero = {0};
    v16 carry = zero;
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        v16 v = *(const v16 *)(in + i);
        v += UP1(v);
        v += UP2(v);
        v += UP4(v);
        v += UP8(v);
        *(v16 *)(out + i) = v + carry;
        carry += LAST(v);
    }
    for (unsigned int sum = carry[0]; i < n; i++)
        out[i] = sum += in[i];
}
