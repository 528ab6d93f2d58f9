/* proofsmith
entry = "trmm"
[sizes]
m = { test = [0, 1, 3, 8, 17, 33], measure = 176 }
n = { test = [0, 1, 4, 9, 16, 31], measure = 192 }
[arrays]
A = { shape = "m*m", access = "in", finite = true }
B = { shape = "m*n", access = "inout", finite = true }
[scalars]
alpha = { range = [-2, 2], measure = 1.5 }
[tolerance]
policy = "reassociate"
[work]
flops = "m*(m-1)*n + m*n"
bytes = "8*(m*m//2 + 2*m*n)"
*/

/* B := alpha*A'*B with A unit lower triangular, in place. */
void trmm(int m, int n, double alpha, const double *A, double *B)
{
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            for (int k = i + 1; k < m; k++)
                B[i * n + j] += A[k * m + i] * B[k * n + j];
            B[i * n + j] = alpha * B[i * n + j];
        }
    }
}
