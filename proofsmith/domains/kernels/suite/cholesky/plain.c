/* proofsmith
entry = "cholesky"
[sizes]
n = { test = [0, 1, 2, 5, 8, 17, 33], measure = 200 }
[arrays]
A = { shape = "n*n", access = "inout", structure = "spd" }
[tolerance]
policy = "reassociate"
[work]
flops = "n*n*n//3"
bytes = "8*n*n"
*/

#include <math.h>

/* Lower Cholesky factor of a symmetric positive definite matrix, in the lower triangle of A. */
void cholesky(int n, double *A)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = A[i * n + j];
            for (int k = 0; k < j; k++)
                sum -= A[i * n + k] * A[j * n + k];
            if (i == j)
                A[i * n + i] = sqrt(sum);
            else
                A[i * n + j] = sum / A[j * n + j];
        }
    }
}
