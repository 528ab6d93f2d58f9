/* A fast version by hand: what rules and models are compared with. */

/* Row by row, but with the inner loop along the row, so that it runs in vectors. */
void lu(int n, double *A)
{
    for (int i = 0; i < n; i++) {
        double *restrict row = A + (long)i * n;
        int k = 0;
        for (; k + 4 <= i; k += 4) {
            const double *p = A + (long)k * n, *q = p + n, *r = q + n, *s = r + n;
            const double a = row[k] / p[k];
            const double b = (row[k + 1] - a * p[k + 1]) / q[k + 1];
            const double c = (row[k + 2] - a * p[k + 2] - b * q[k + 2]) / r[k + 2];
            const double d = (row[k + 3] - a * p[k + 3] - b * q[k + 3] - c * r[k + 3]) / s[k + 3];
            row[k] = a, row[k + 1] = b, row[k + 2] = c, row[k + 3] = d;
            for (int j = k + 4; j < n; j++)
                row[j] -= a * p[j] + b * q[j] + c * r[j] + d * s[j];
        }
        for (; k < i; k++) {
            const double *p = A + (long)k * n;
            const double a = row[k] / p[k];
            row[k] = a;
            for (int j = k + 1; j < n; j++)
                row[j] -= a * p[j];
        }
    }
}
