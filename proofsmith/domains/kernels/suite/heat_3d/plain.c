/* proofsmith
entry = "heat_3d"
[sizes]
n = { test = [0, 1, 2, 3, 4, 8, 13, 18], measure = 40 }
steps = { test = [0, 1, 2, 4], measure = 5 }
[arrays]
A = { shape = "n*n*n", access = "inout", finite = true, range = [-1000, 1000] }
B = { shape = "n*n*n", access = "inout", finite = true, range = [-1000, 1000] }
[tolerance]
policy = "reassociate"
[work]
flops = "30 * steps * (n-2) * (n-2) * (n-2)"
bytes = "32 * n * n * n"
*/

#define AT(X, i, j, k) X[((i) * n + (j)) * n + (k)]

/* Explicit steps of the heat equation on a cube, twice per step: A to B, then B to A. */
void heat_3d(int n, int steps, double *A, double *B)
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                for (int k = 1; k < n - 1; k++)
                    AT(B, i, j, k) =
                        0.125 * (AT(A, i + 1, j, k) - 2.0 * AT(A, i, j, k) + AT(A, i - 1, j, k))
                        + 0.125 * (AT(A, i, j + 1, k) - 2.0 * AT(A, i, j, k) + AT(A, i, j - 1, k))
                        + 0.125 * (AT(A, i, j, k + 1) - 2.0 * AT(A, i, j, k) + AT(A, i, j, k - 1))
                        + AT(A, i, j, k);
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                for (int k = 1; k < n - 1; k++)
                    AT(A, i, j, k) =
                        0.125 * (AT(B, i + 1, j, k) - 2.0 * AT(B, i, j, k) + AT(B, i - 1, j, k))
                        + 0.125 * (AT(B, i, j + 1, k) - 2.0 * AT(B, i, j, k) + AT(B, i, j - 1, k))
                        + 0.125 * (AT(B, i, j, k + 1) - 2.0 * AT(B, i, j, k) + AT(B, i, j, k - 1))
                        + AT(B, i, j, k);
    }
}
