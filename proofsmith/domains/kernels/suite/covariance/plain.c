/* proofsmith
entry = "covariance"
[sizes]
n = { test = [2, 3, 8, 17, 33], min = 2, measure = 256 }
m = { test = [0, 1, 3, 8, 16, 29], measure = 128 }
[arrays]
data = { shape = "n*m", access = "in", finite = true }
mean = { shape = "m", access = "out" }
cov = { shape = "m*m", access = "out" }
[tolerance]
policy = "reassociate"
[work]
flops = "3*n*m*(m+1)//2 + n*m"
bytes = "8*(n*m + m*m + m)"
*/

/* Means of the m columns of data (n observations) and their sample covariance. */
void covariance(int n, int m, const double *data, double *mean, double *cov)
{
    for (int j = 0; j < m; j++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++)
            sum += data[i * m + j];
        mean[j] = sum / n;
    }
    for (int i = 0; i < m; i++) {
        for (int j = i; j < m; j++) {
            double sum = 0.0;
            for (int k = 0; k < n; k++)
                sum += (data[k * m + i] - mean[i]) * (data[k * m + j] - mean[j]);
            cov[i * m + j] = sum / (n - 1.0);
            cov[j * m + i] = cov[i * m + j];
        }
    }
}
