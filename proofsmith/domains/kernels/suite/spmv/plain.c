/* proofsmith
entry = "spmv"
[sizes]
rows = { test = [0, 1, 3, 8, 17, 65], measure = 4000 }
cols = { test = [1, 2, 8, 19, 64], min = 1, measure = 4000 }
nnz = { test = [0, 1, 5, 64, 300], measure = 400000 }
[arrays]
start = { shape = "rows+1", access = "in", structure = "offsets", into = "nnz" }
col = { shape = "nnz", access = "in", range = [0, "cols-1"] }
value = { shape = "nnz", access = "in", finite = true }
x = { shape = "cols", access = "in", finite = true }
y = { shape = "rows", access = "out" }
[tolerance]
policy = "reassociate"
[work]
flops = "2*nnz"
bytes = "12*nnz + 4*rows + 8*cols + 8*rows"
*/

/* y := A*x for a sparse matrix in compressed rows. */
void spmv(int rows, int cols, int nnz, const int *start, const int *col, const double *value,
          const double *x, double *y)
{
    (void)cols;
    (void)nnz;
    for (int i = 0; i < rows; i++) {
        double sum = 0.0;
        for (int k = start[i]; k < start[i + 1]; k++)
            sum += value[k] * x[col[k]];
        y[i] = sum;
    }
}
