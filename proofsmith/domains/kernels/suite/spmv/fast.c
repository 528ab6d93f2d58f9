/* A fast version by hand: what rules and models are compared with. */

void spmv(int rows, int cols, int nnz, const int *restrict start, const int *restrict col,
          const double *restrict value, const double *restrict x, double *restrict y)
{
    (void)cols;
    (void)nnz;
    for (int i = 0; i < rows; i++) {
        const int first = start[i], last = start[i + 1];
        double sum = 0.0;
        for (int k = first; k < last; k++)
            sum += value[k] * x[col[k]];
        y[i] = sum;
    }
}
