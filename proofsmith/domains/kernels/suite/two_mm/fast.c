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

/* C := beta*C + alpha*A*B, all row-major. */
static void product(int ni, int nj, int nk, double alpha, double beta,
                    double *restrict C, const double *A, const double *B)
{
    int i = 0;
    for (; i + 4 <= ni; i += 4) {
        int j = 0;
        for (; j + 16 <= nj; j += 16) {
            double sum[4][16];
            panel(nk, A + i * nk, nk, 1, B + j, nj, sum);
            for (int r = 0; r < 4; r++)
                for (int c = 0; c < 16; c++) {
                    double *at = &C[(i + r) * nj + j + c];
                    *at = alpha * sum[r][c] + (beta == 0.0 ? 0.0 : beta * *at);
                }
        }
        for (int r = i; r < i + 4; r++)
            for (int c = j; c < nj; c++) {
                double sum = 0.0;
                for (int k = 0; k < nk; k++)
                    sum += A[r * nk + k] * B[k * nj + c];
                C[r * nj + c] = alpha * sum + (beta == 0.0 ? 0.0 : beta * C[r * nj + c]);
            }
    }
    for (; i < ni; i++) {
        for (int j = 0; j < nj; j++)
            C[i * nj + j] = beta == 0.0 ? 0.0 : beta * C[i * nj + j];
        for (int k = 0; k < nk; k++)
            for (int j = 0; j < nj; j++)
                C[i * nj + j] += alpha * A[i * nk + k] * B[k * nj + j];
    }
}

void two_mm(int ni, int nj, int nk, int nl, double alpha, double beta, double *tmp,
            const double *A, const double *B, const double *C, double *D)
{
    product(ni, nj, nk, alpha, 0.0, tmp, A, B);
    product(ni, nl, nj, 1.0, beta, D, tmp, C);
}
