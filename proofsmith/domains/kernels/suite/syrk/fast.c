/* A fast version by hand: what rules and models are compared with. */

typedef double v8 __attribute__((vector_size(64), aligned(8), may_alias));

static inline v8 load(const double *p)
{
    return *(const v8 *)p;
}

static inline double total(v8 v)
{
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

void syrk(int n, int m, double alpha, double beta, double *C, const double *A)
{
    for (int i = 0; i < n; i++) {
        const double *a = A + (long)i * m;
        int j = 0;
        for (; j + 4 <= i + 1; j += 4) {
            const double *b = A + (long)j * m;
            v8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
            int k = 0;
            for (; k + 8 <= m; k += 8) {
                const v8 x = load(a + k);
                s0 += x * load(b + k);
                s1 += x * load(b + m + k);
                s2 += x * load(b + 2 * m + k);
                s3 += x * load(b + 3 * m + k);
            }
            double sum[4] = {total(s0), total(s1), total(s2), total(s3)};
            for (int c = 0; c < 4; c++) {
                for (int rest = k; rest < m; rest++)
                    sum[c] += a[rest] * b[c * m + rest];
                C[i * n + j + c] = beta * C[i * n + j + c] + alpha * sum[c];
            }
        }
        for (; j <= i; j++) {
            double sum = 0.0;
            for (int k = 0; k < m; k++)
                sum += a[k] * A[j * m + k];
            C[i * n + j] = beta * C[i * n + j] + alpha * sum;
        }
    }
}
