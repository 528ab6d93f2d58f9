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

void matvec(int m, int n, const double *A, const double *x, double *y)
{
    int i = 0;
    for (; i + 2 <= m; i += 2) {
        const double *a = A + (long)i * n, *b = a + n;
        v8 s0 = {0}, s1 = {0}, t0 = {0}, t1 = {0};
        int j = 0;
        for (; j + 16 <= n; j += 16) {
            const v8 u = load(x + j), v = load(x + j + 8);
            s0 += load(a + j) * u, s1 += load(a + j + 8) * v;
            t0 += load(b + j) * u, t1 += load(b + j + 8) * v;
        }
        double s = total(s0 + s1), t = total(t0 + t1);
        for (; j < n; j++)
            s += a[j] * x[j], t += b[j] * x[j];
        y[i] = s, y[i + 1] = t;
    }
    for (; i < m; i++) {
        double sum = 0.0;
        for (int j = 0; j < n; j++)
            sum += A[i * n + j] * x[j];
        y[i] = sum;
    }
}
