/* proofsmith
entry = "trisolve"
[sizes]
n = { test = [0, 1, 2, 5, 8, 17, 65], measure = 1200 }
[arrays]
L = { shape = "n*n", access = "in", structure = "lower" }
b = { shape = "n", access = "in", finite = true }
x = { shape = "n", access = "out" }
[tolerance]
policy = "reassociate"
[work]
flops = "n*n"
bytes = "8*(n*(n+1)//2 + 2*n)"
*/

/* Solve L*x = b by forward substitution. */
void trisolve(int n, const double *L, const double *b, double *x)
{
    for (int i = 0; i < n; i++) {
        double sum = b[i];
        for (int j = 0; j < i; j++)
            sum -= L[i * n + j] * x[j];
        x[i] = sum / L[i * n + i];
    }
}
