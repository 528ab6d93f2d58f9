/* proofsmith
entry = "seidel_2d"
[sizes]
n = { test = [0, 1, 2, 3, 5, 8, 17, 34], measure = 120 }
steps = { test = [0, 1, 2, 5], measure = 8 }
[arrays]
A = { shape = "n*n", access = "inout", finite = true, range = [-1000, 1000] }
[tolerance]
policy = "reassociate"
[work]
flops = "9 * steps * (n-2) * (n-2)"
bytes = "16 * n * n"
*/

/* Nine-point Gauss-Seidel smoothing in place. */
void seidel_2d(int n, int steps, double *A)
{
    for (int t = 0; t < steps; t++)
        for (int i = 1; i <= n - 2; i++)
            for (int j = 1; j <= n - 2; j++)
                A[i * n + j] = (A[(i - 1) * n + j - 1] + A[(i - 1) * n + j] + A[(i - 1) * n + j + 1]
                                + A[i * n + j - 1] + A[i * n + j] + A[i * n + j + 1]
                                + A[(i + 1) * n + j - 1] + A[(i + 1) * n + j]
                                + A[(i + 1) * n + j + 1]) / 9.0;
}
