/* A fast version by hand: what rules and models are compared with. */

#include <string.h>

/* All four histograms in one pass; even passes write to tmp, odd ones back; one copy at the end. */
void radix_sort(int n, unsigned int *key, unsigned int *tmp)
{
    unsigned int count[4][256];
    memset(count, 0, sizeof count);
    for (int i = 0; i < n; i++) {
        const unsigned int k = key[i];
        count[0][k & 255]++;
        count[1][k >> 8 & 255]++;
        count[2][k >> 16 & 255]++;
        count[3][k >> 24]++;
    }
    for (int pass = 0; pass < 4; pass++) {
        unsigned int sum = 0;
        for (int d = 0; d < 256; d++) {
            const unsigned int c = count[pass][d];
            count[pass][d] = sum;
            sum += c;
        }
        const unsigned int *from = pass % 2 ? tmp : key;
        unsigned int *to = pass % 2 ? key : tmp;
        for (int i = 0; i < n; i++)
            to[count[pass][from[i] >> (8 * pass) & 255]++] = from[i];
    }
    if (n > 0)
        memcpy(tmp, key, sizeof *key * (size_t)n);
}
