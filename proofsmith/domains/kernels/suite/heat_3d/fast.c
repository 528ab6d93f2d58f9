/* A fast version by hand: what rules and models are compared with. */

static void plane(int n, const double *restrict X, double *restrict Y, int i)
{
    const long row = n, slab = (long)n * n;
    for (int j = 1; j < n - 1; j++) {
        const double *x = X + i * slab + j * row;
        double *y = Y + i * slab + j * row;
        for (int k = 1; k < n - 1; k++)
            y[k] = 0.25 * x[k]
                   + 0.125 * ((x[k + slab] + x[k - slab]) + (x[k + row] + x[k - row])
                              + (x[k + 1] + x[k - 1]));
    }
}

/* The second sweep follows one plane behind the first, while the planes are still in the cache. */
void heat_3d(int n, int steps, double *A, double *B)
{
    for (int t = 0; t < steps; t++)
        for (int i = 1; i < n; i++) {
            if (i < n - 1)
                plane(n, A, B, i);
            if (i > 1)
                plane(n, B, A, i - 1);
        }
}
