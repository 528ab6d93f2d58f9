/* A fast version by hand: what rules and models are compared with. */

/* Four rows at a time, each one column behind the row above: four independent chains. */
static inline void point(double *G, int n, int i, int j, double a, double b)
{
    double *g = G + (long)i * n + j;
    *g = a * ((g[-n] + g[n] + g[1]) + g[-1]) + b * *g;
}

void sor(int n, int steps, double omega, double *G)
{
    const double a = omega * 0.25, b = 1.0 - omega;
    for (int t = 0; t < steps; t++) {
        int i = 1;
        for (; i + 4 <= n - 1; i += 4) {
            const int last = n - 2;
            double *p = G + (long)i * n, *q = p + n, *r = q + n, *s = r + n, *above = p - n, *below = s + n;
            for (int row = 0; row < 3; row++)
                for (int j = 1; j <= 3 - row; j++)
                    point(G, n, i + row, j, a, b);
            double p0 = p[3], q0 = q[2], r0 = r[1], s0 = s[0];
            for (int j = 4; j <= last; j++) {
                const double p1 = a * ((above[j] + q[j] + p[j + 1]) + p0) + b * p[j];
                const double q1 = a * ((p0 + r[j - 1] + q[j]) + q0) + b * q[j - 1];
                const double r1 = a * ((q0 + s[j - 2] + r[j - 1]) + r0) + b * r[j - 2];
                const double s1 = a * ((r0 + below[j - 3] + s[j - 2]) + s0) + b * s[j - 3];
                p[j] = p0 = p1, q[j - 1] = q0 = q1, r[j - 2] = r0 = r1, s[j - 3] = s0 = s1;
            }
            for (int row = 1; row < 4; row++)
                for (int j = last - row + 1; j <= last; j++)
                    point(G, n, i + row, j, a, b);
        }
        for (; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                point(G, n, i, j, a, b);
    }
}
