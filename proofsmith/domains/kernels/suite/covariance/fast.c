/* A fast version by hand: what rules and models are compared with. */

typedef double v8 __attribute__((vector_size(64), aligned(8), may_alias));

static inline v8 load(const double *p)
{
    return *(const v8 *)p;
}

/* out[4][16] := rows of A (stride ra between rows, sa between steps) times a 16-column panel of B. */
static inline void panel(int steps, const double *A, long ra, long sa, const double *B, long ldb,
                         double out[4][16])
{
    v8 s00 = {0}, s01 = {0}, s10 = {0}, s11 = {0}, s20 = {0}, s21 = {0}, s30 = {0}, s31 = {0};
    for (int k = 0; k < steps; k++) {
        const v8 b0 = load(B + k * ldb), b1 = load(B + k * ldb + 8);
        const double *a = A + k * sa;
        s00 += a[0] * b0, s01 += a[0] * b1;
        s10 += a[ra] * b0, s11 += a[ra] * b1;
        s20 += a[2 * ra] * b0, s21 += a[2 * ra] * b1;
        s30 += a[3 * ra] * b0, s31 += a[3 * ra] * b1;
    }
    *(v8 *)&out[0][0] = s00, *(v8 *)&out[0][8] = s01;
    *(v8 *)&out[1][0] = s10, *(v8 *)&out[1][8] = s11;
    *(v8 *)&out[2][0] = s20, *(v8 *)&out[2][8] = s21;
    *(v8 *)&out[3][0] = s30, *(v8 *)&out[3][8] = s31;
}

#include <stdlib.h>

static double sum_of(int n, int m, const double *data, const double *mean, int i, int j)
{
    double sum = 0.0;
    for (int k = 0; k < n; k++)
        sum += (data[k * m + i] - mean[i]) * (data[k * m + j] - mean[j]);
    return sum;
}

static void store(int m, double *cov, int i, int j, double value)
{
    cov[i * m + j] = value;
    cov[j * m + i] = value;
}

void covariance(int n, int m, const double *data, double *mean, double *cov)
{
    double *centred = malloc(sizeof(double) * ((size_t)n * m + 1));
    for (int j = 0; j < m; j++)
        mean[j] = 0.0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            mean[j] += data[i * m + j];
    for (int j = 0; j < m; j++)
        mean[j] /= n;
    if (!centred) {
        for (int i = 0; i < m; i++)
            for (int j = i; j < m; j++)
                store(m, cov, i, j, sum_of(n, m, data, mean, i, j) / (n - 1.0));
        return;
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            centred[i * m + j] = data[i * m + j] - mean[j];
    int i = 0;
    for (; i + 4 <= m; i += 4) {
        int j = i;
        for (; j + 16 <= m; j += 16) {
            double sum[4][16];
            panel(n, centred + i, 1, m, centred + j, m, sum);
            for (int r = 0; r < 4; r++)
                for (int c = 0; c < 16; c++)
                    store(m, cov, i + r, j + c, sum[r][c] / (n - 1.0));
        }
        for (int r = i; r < i + 4; r++)
            for (int c = j; c < m; c++)
                store(m, cov, r, c, sum_of(n, m, data, mean, r, c) / (n - 1.0));
    }
    for (; i < m; i++)
        for (int j = i; j < m; j++)
            store(m, cov, i, j, sum_of(n, m, data, mean, i, j) / (n - 1.0));
    free(centred);
}
