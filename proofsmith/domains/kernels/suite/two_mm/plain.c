/* proofsmith
entry = "two_mm"
[sizes]
ni = { test = [0, 1, 3, 8, 17, 25], measure = 128 }
nj = { test = [0, 1, 5, 8, 16, 27], measure = 136 }
nk = { test = [0, 1, 4, 7, 18, 24], measure = 144 }
nl = { test = [0, 1, 2, 9, 15, 26], measure = 152 }
[arrays]
tmp = { shape = "ni*nj", access = "out" }
A = { shape = "ni*nk", access = "in", finite = true }
B = { shape = "nk*nj", access = "in", finite = true }
C = { shape = "nj*nl", access = "in", finite = true }
D = { shape = "ni*nl", access = "inout", finite = true }
[scalars]
alpha = { range = [-2, 2], measure = 1.5 }
beta = { range = [-2, 2], measure = 1.2 }
[tolerance]
policy = "reassociate"
[work]
flops = "2*ni*nj*nk + 2*ni*nj*nl + ni*nj + ni*nl"
bytes = "8*(ni*nk + nk*nj + nj*nl + 2*ni*nl + ni*nj)"
*/

/* D := alpha*A*B*C + beta*D; tmp receives alpha*A*B. */
void two_mm(int ni, int nj, int nk, int nl, double alpha, double beta, double *tmp,
            const double *A, const double *B, const double *C, double *D)
{
    for (int i = 0; i < ni; i++) {
        for (int j = 0; j < nj; j++) {
            tmp[i * nj + j] = 0.0;
            for (int k = 0; k < nk; k++)
                tmp[i * nj + j] += alpha * A[i * nk + k] * B[k * nj + j];
        }
    }
    for (int i = 0; i < ni; i++) {
        for (int j = 0; j < nl; j++) {
            D[i * nl + j] *= beta;
            for (int k = 0; k < nj; k++)
                D[i * nl + j] += tmp[i * nj + k] * C[k * nl + j];
        }
    }
}
