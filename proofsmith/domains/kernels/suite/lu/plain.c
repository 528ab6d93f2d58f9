/* proofsmith
entry = "lu"
[sizes]
n = { test = [0, 1, 2, 5, 8, 17, 33], measure = 160 }
[arrays]
A = { shape = "n*n", access = "inout", structure = "diagonally-dominant" }
[tolerance]
policy = "reassociate"
[work]
flops = "2*n*n*n//3"
bytes = "16*n*n"
*/

/* Doolittle factorisation without pivoting: A becomes L (unit diagonal, below) and U (on and above). */
void lu(int n, double *A)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++)
                A[i * n + j] -= A[i * n + k] * A[k * n + j];
            A[i * n + j] /= A[j * n + j];
        }
        for (int j = i; j < n; j++) {
            for (int k = 0; k < i; k++)
                A[i * n + j] -= A[i * n + k] * A[k * n + j];
        }
    }
}
