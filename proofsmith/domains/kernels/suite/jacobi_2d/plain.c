/* proofsmith
entry = "jacobi_2d"
[sizes]
n = { test = [0, 1, 2, 3, 5, 8, 17, 34], measure = 200 }
steps = { test = [0, 1, 2, 5], measure = 10 }
[arrays]
A = { shape = "n*n", access = "inout", finite = true, range = [-1000, 1000] }
B = { shape = "n*n", access = "inout", finite = true, range = [-1000, 1000] }
[tolerance]
policy = "reassociate"
[work]
flops = "10 * steps * (n-2) * (n-2)"
bytes = "32 * n * n"
*/

/* Five-point Jacobi relaxation, twice per step: A to B, then B to A. */
void jacobi_2d(int n, int steps, double *A, double *B)
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++) {
            for (int j = 1; j < n - 1; j++)
                B[i * n + j] = 0.2 * (A[i * n + j] + A[i * n + j - 1] + A[i * n + j + 1]
                                      + A[(i + 1) * n + j] + A[(i - 1) * n + j]);
        }
        for (int i = 1; i < n - 1; i++) {
            for (int j = 1; j < n - 1; j++)
                A[i * n + j] = 0.2 * (B[i * n + j] + B[i * n + j - 1] + B[i * n + j + 1]
                                      + B[(i + 1) * n + j] + B[(i - 1) * n + j]);
        }
    }
}
