/* proofsmith
entry = "syrk"
[sizes]
n = { test = [0, 1, 3, 8, 17, 33], measure = 192 }
m = { test = [0, 1, 4, 9, 16, 31], measure = 160 }
[arrays]
C = { shape = "n*n", access = "inout", finite = true }
A = { shape = "n*m", access = "in", finite = true }
[scalars]
alpha = { range = [-2, 2], measure = 1.5 }
beta = { range = [-2, 2], measure = 1.2 }
[tolerance]
policy = "reassociate"
[work]
flops = "n*(n+1)*m + 2*n*(n+1)"
bytes = "8*(n*m + n*(n+1))"
*/

/* Lower triangle of C := alpha*A*A' + beta*C. */
void syrk(int n, int m, double alpha, double beta, double *C, const double *A)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++)
            C[i * n + j] *= beta;
        for (int k = 0; k < m; k++) {
            for (int j = 0; j <= i; j++)
                C[i * n + j] += alpha * A[i * m + k] * A[j * m + k];
        }
    }
}
