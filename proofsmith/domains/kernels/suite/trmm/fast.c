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

void trmm(int m, int n, double alpha, const double *A, double *B)
{
    int i = 0;
    for (; i + 4 <= m; i += 4) {
        int j = 0;
        for (; j + 16 <= n; j += 16) {
            double sum[4][16];
            panel(m - i - 4, A + (long)(i + 4) * m + i, 1, m, B + (long)(i + 4) * n + j, n, sum);
            for (int r = 0; r < 4; r++)
                for (int c = j; c < j + 16; c++) {
                    double value = B[(i + r) * n + c] + sum[r][c - j];
                    for (int k = i + r + 1; k < i + 4; k++)
                        value += A[k * m + i + r] * B[k * n + c];
                    B[(i + r) * n + c] = alpha * value;
                }
        }
        for (int r = i; r < i + 4; r++)
            for (int c = j; c < n; c++) {
                double value = B[r * n + c];
                for (int k = r + 1; k < m; k++)
                    value += A[k * m + r] * B[k * n + c];
                B[r * n + c] = alpha * value;
            }
    }
    for (; i < m; i++)
        for (int j = 0; j < n; j++) {
            double value = B[i * n + j];
            for (int k = i + 1; k < m; k++)
                value += A[k * m + i] * B[k * n + j];
            B[i * n + j] = alpha * value;
        }
}
