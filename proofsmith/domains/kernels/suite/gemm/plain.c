/* proofsmith
entry = "gemm"
[sizes]
ni = { test = [0, 1, 3, 8, 17, 33], measure = 192 }
nj = { test = [0, 1, 5, 8, 19, 32], measure = 208 }
nk = { test = [0, 1, 4, 7, 16, 35], measure = 224 }
[arrays]
C = { shape = "ni*nj", access = "inout", finite = true }
A = { shape = "ni*nk", access = "in", finite = true }
B = { shape = "nk*nj", access = "in", finite = true }
[scalars]
alpha = { range = [-2, 2], measure = 1.5 }
beta = { range = [-2, 2], measure = 1.2 }
[tolerance]
policy = "reassociate"
[work]
flops = "2*ni*nj*nk + 3*ni*nj"
bytes = "8*(ni*nk + nk*nj + 2*ni*nj)"
*/

/* C := alpha*A*B + beta*C, row-major. */
void gemm(int ni, int nj, int nk, double alpha, double beta,
          double *C, const double *A, const double *B)
{
    for (int i = 0; i < ni; i++) {
        for (int j = 0; j < nj; j++) {
            double sum = 0.0;
            for (int k = 0; k < nk; k++)
                sum += A[i * nk + k] * B[k * nj + j];
            C[i * nj + j] = alpha * sum + beta * C[i * nj + j];
        }
    }
}
