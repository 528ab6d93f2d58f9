/* proofsmith
entry = "matvec"
[sizes]
m = { test = [0, 1, 3, 8, 17, 65], measure = 800 }
n = { test = [0, 1, 4, 9, 16, 63], measure = 960 }
[arrays]
A = { shape = "m*n", access = "in", finite = true }
x = { shape = "n", access = "in", finite = true }
y = { shape = "m", access = "out" }
[tolerance]
policy = "reassociate"
[work]
flops = "2*m*n"
bytes = "8*(m*n + n + m)"
*/

/* y := A*x. */
void matvec(int m, int n, const double *A, const double *x, double *y)
{
    for (int i = 0; i < m; i++) {
        double sum = 0.0;
        for (int j = 0; j < n; j++)
            sum += A[i * n + j] * x[j];
        y[i] = sum;
    }
}
