/* proofsmith
entry = "kmeans_step"
[sizes]
n = { test = [0, 1, 3, 8, 17, 65], measure = 4000 }
d = { test = [1, 2, 3, 8, 17], min = 1, measure = 16 }
k = { test = [1, 2, 3, 8, 11], min = 1, measure = 24 }
[arrays]
points = { shape = "n*d", access = "in", range = [-100, 100] }
centroids = { shape = "k*d", access = "in", range = [-100, 100] }
label = { shape = "n", access = "out" }
sums = { shape = "k*d", access = "out" }
counts = { shape = "k", access = "out" }
[tolerance]
policy = "exact"
[work]
flops = "3*n*k*d + n*d"
bytes = "8*(n*d + 2*k*d) + 4*(n + k)"
*/

/* One step of Lloyd's algorithm: label every point with the nearest centroid, sum up each cluster. */
void kmeans_step(int n, int d, int k, const double *points, const double *centroids,
                 int *label, double *sums, int *counts)
{
    for (int c = 0; c < k; c++) {
        counts[c] = 0;
        for (int j = 0; j < d; j++)
            sums[c * d + j] = 0.0;
    }
    for (int i = 0; i < n; i++) {
        int best = 0;
        double best_distance = 1e300;
        for (int c = 0; c < k; c++) {
            double distance = 0.0;
            for (int j = 0; j < d; j++) {
                double diff = points[i * d + j] - centroids[c * d + j];
                distance += diff * diff;
            }
            if (distance < best_distance) {
                best_distance = distance;
                best = c;
            }
        }
        label[i] = best;
        counts[best]++;
        for (int j = 0; j < d; j++)
            sums[best * d + j] += points[i * d + j];
    }
}
