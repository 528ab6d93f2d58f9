/* A fast version by hand: what rules and models are compared with. */

#include <stdlib.h>

/* Distances to eight centroids at a time, over a transposed copy; the order of each sum is kept. */
void kmeans_step(int n, int d, int k, const double *points, const double *centroids,
                 int *label, double *sums, int *counts)
{
    typedef double v8 __attribute__((vector_size(64), aligned(8), may_alias));
    const int width = (k + 7) / 8 * 8;
    double *turned = calloc((size_t)width * d, sizeof(double)), *far = malloc(sizeof(double) * width);
    if (!turned || !far)
        abort();
    for (int c = 0; c < k; c++) {
        counts[c] = 0;
        for (int j = 0; j < d; j++) {
            sums[c * d + j] = 0.0;
            turned[j * width + c] = centroids[c * d + j];
        }
    }
    for (int i = 0; i < n; i++) {
        const double *p = points + (long)i * d;
        for (int c = 0; c < width; c += 8) {
            v8 sum = {0};
            for (int j = 0; j < d; j++) {
                const v8 diff = p[j] - *(v8 *)(turned + j * width + c);
                sum += diff * diff;
            }
            *(v8 *)(far + c) = sum;
        }
        int best = 0;
        for (int c = 1; c < k; c++)
            best = far[c] < far[best] ? c : best;
        label[i] = best;
        counts[best]++;
        for (int j = 0; j < d; j++)
            sums[best * d + j] += p[j];
    }
    free(turned);
    free(far);
}
