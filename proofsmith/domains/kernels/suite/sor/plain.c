/* proofsmith
entry = "sor"
[sizes]
n = { test = [0, 1, 2, 3, 5, 8, 17, 34], measure = 160 }
steps = { test = [0, 1, 2, 5], measure = 8 }
[arrays]
G = { shape = "n*n", access = "inout", finite = true, range = [-1000, 1000] }
[scalars]
omega = { range = [0.5, 1.5], measure = 1.25 }
[tolerance]
policy = "reassociate"
[work]
flops = "6 * steps * (n-2) * (n-2)"
bytes = "16 * n * n"
*/

/* Successive over-relaxation of Laplace's equation on an n by n grid. */
void sor(int n, int steps, double omega, double *G)
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++) {
            for (int j = 1; j < n - 1; j++) {
                G[i * n + j] = omega * 0.25 * (G[(i - 1) * n + j] + G[(i + 1) * n + j]
                                               + G[i * n + j - 1] + G[i * n + j + 1])
                               + (1.0 - omega) * G[i * n + j];
            }
        }
    }
}
