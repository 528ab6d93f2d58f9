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

#include <math.h>

void cholesky(int n, double *A)
{
    for (int i = 0; i < n; i++) {
        double *a = A + (long)i * n;
        int j = 0;
        for (; j + 4 <= i; j += 4) {
            const double *b = A + (long)j * n;
            v8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
            int k = 0;
            for (; k + 8 <= j; k += 8) {
                const v8 x = load(a + k);
                s0 += x * load(b + k);
                s1 += x * load(b + n + k);
                s2 += x * load(b + 2 * n + k);
                s3 += x * load(b + 3 * n + k);
            }
            const double done[4] = {total(s0), total(s1), total(s2), total(s3)};
            for (int c = 0; c < 4; c++) {
                double sum = a[j + c] - done[c];
                for (int rest = k; rest < j + c; rest++)
                    sum -= a[rest] * b[c * n + rest];
                a[j + c] = sum / b[c * n + j + c];
            }
        }
        for (; j <= i; j++) {
            double sum = a[j];
            for (int k = 0; k < j; k++)
                sum -= a[k] * A[j * n + k];
            a[j] = i == j ? sqrt(sum) : sum / A[j * n + j];
        }
    }
}
