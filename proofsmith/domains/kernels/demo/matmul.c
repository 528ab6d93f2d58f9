/* proofsmith
entry = "matmul"
[sizes]
n = { test = [0, 1, 3, 8, 17, 33], measure = 256 }
[arrays]
A = { shape = "n*n", access = "in", finite = true }
B = { shape = "n*n", access = "in", finite = true }
C = { shape = "n*n", access = "out" }
[tolerance]
policy = "reassociate"
[work]
flops = "2*n*n*n"
bytes = "8*3*n*n"
*/

/* C := A*B for square row-major matrices. */
void matmul(int n, const double *A, const double *B, double *C)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0.0;
            for (int k = 0; k < n; k++)
                sum += A[i * n + k] * B[k * n + j];
            C[i * n + j] = sum;
        }
    }
}
