/* A fast version by hand: what rules and models are compared with. */

/* First everything but the left neighbour, in vectors; then a chain of one fused operation per point. */
void seidel_2d(int n, int steps, double *A)
{
    const double ninth = 1.0 / 9.0;
    for (int t = 0; t < steps; t++)
        for (int i = 1; i <= n - 2; i++) {
            double *up = A + (long)(i - 1) * n, *row = up + n, *down = row + n;
#pragma GCC ivdep
            for (int j = 1; j <= n - 2; j++)
                row[j] = ((up[j - 1] + up[j] + up[j + 1]) + (row[j] + row[j + 1])
                          + (down[j - 1] + down[j] + down[j + 1])) * ninth;
            double left = row[0];
            for (int j = 1; j <= n - 2; j++)
                row[j] = left = row[j] + ninth * left;
        }
}
