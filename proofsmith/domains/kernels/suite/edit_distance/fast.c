/* A fast version by hand: what rules and models are compared with. */

typedef int v16 __attribute__((vector_size(64), aligned(4), may_alias));
#define UP1(v) __builtin_shufflevector(v, far, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
#define UP2(v) __builtin_shufflevector(v, far, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
#define UP4(v) __builtin_shufflevector(v, far, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
#define UP8(v) \
    __builtin_shufflevector(v, far, 16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7)
#define LAST(v) \
    __builtin_shufflevector(v, v, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15)

static inline v16 least(v16 a, v16 b)
{
    const v16 less = a < b;
    return (a & less) | (b & ~less);
}

/* Row by row: what comes from above, in vectors, less the column number; then a running minimum in vectors. */
int edit_distance(int n, const char *a, int m, const char *b, int *D)
{
    const int width = m + 1;
    const v16 zero = {0}, far = zero + 2000000000;
    const v16 ramp = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int j = 0; j <= m; j++)
        D[j] = j;
    for (int i = 1; i <= n; i++) {
        const int *up = D + (long)(i - 1) * width;
        int *row = D + (long)i * width;
        const char letter = a[i - 1];
        row[0] = i;
#pragma GCC ivdep
        for (int j = 1; j <= m; j++) {
            const int across = up[j - 1] + (letter != b[j - 1]), down = up[j] + 1;
            row[j] = across < down ? across : down;
        }
        v16 best = zero + i;
        int j = 1;
        for (; j + 16 <= width; j += 16) {
            const v16 place = ramp + j;
            v16 v = *(v16 *)(row + j) - place;
            v = least(v, UP1(v));
            v = least(v, UP2(v));
            v = least(v, UP4(v));
            v = least(v, UP8(v));
            v = least(v, best);
            *(v16 *)(row + j) = v + place;
            best = LAST(v);
        }
        for (; j <= m; j++)
            row[j] = row[j] < row[j - 1] + 1 ? row[j] : row[j - 1] + 1;
    }
    return D[(long)n * width + m];
}
