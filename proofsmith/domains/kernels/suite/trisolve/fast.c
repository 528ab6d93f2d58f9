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

void trisolve(int n, const double *L, const double *b, double *x)
{
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        const double *p = L + (long)i * n;
        v8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        int j = 0;
        for (; j + 8 <= i; j += 8) {
            const v8 v = load(x + j);
            s0 += load(p + j) * v;
            s1 += load(p + n + j) * v;
            s2 += load(p + 2 * n + j) * v;
            s3 += load(p + 3 * n + j) * v;
        }
        const double done[4] = {total(s0), total(s1), total(s2), total(s3)};
        for (int r = 0; r < 4; r++) {
            double sum = b[i + r] - done[r];
            for (int rest = j; rest < i + r; rest++)
                sum -= p[r * n + rest] * x[rest];
            x[i + r] = sum / p[r * n + i + r];
        }
    }
    for (; i < n; i++) {
        double sum = b[i];
        for (int j = 0; j < i; j++)
            sum -= L[i * n + j] * x[j];
        x[i] = sum / L[i * n + i];
    }
}
