/* A fast version by hand: what rules and models are compared with. */

#include <math.h>
#include <stdlib.h>

void fft(int log2n, double *restrict re, double *restrict im)
{
    const double pi = 3.14159265358979323846;
    const int n = 1 << log2n;
    double *wr = malloc(sizeof(double) * (n + 1)), *wi = malloc(sizeof(double) * (n + 1));
    if (!wr || !wi)
        abort();
    /* One table for all lengths: the twiddles of length len start at len/2. */
    for (int k = 0; k < n / 2; k++) {
        const double angle = -2.0 * pi * k / n;
        wr[n / 2 + k] = cos(angle);
        wi[n / 2 + k] = sin(angle);
    }
    for (int half = n / 4; half >= 1; half /= 2)
        for (int k = 0; k < half; k++) {
            wr[half + k] = wr[2 * half + 2 * k];
            wi[half + k] = wi[2 * half + 2 * k];
        }
    for (int i = 1, j = 0; i < n; i++) {
        int bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            const double r = re[i], s = im[i];
            re[i] = re[j], im[i] = im[j];
            re[j] = r, im[j] = s;
        }
    }
    for (int half = 1; half < n; half *= 2)
        for (int start = 0; start < n; start += 2 * half) {
            double *ar = re + start, *br = ar + half, *ai = im + start, *bi = ai + half;
            const double *cr = wr + half, *ci = wi + half;
#pragma GCC ivdep
            for (int k = 0; k < half; k++) {
                const double xr = br[k] * cr[k] - bi[k] * ci[k];
                const double xi = br[k] * ci[k] + bi[k] * cr[k];
                br[k] = ar[k] - xr, bi[k] = ai[k] - xi;
                ar[k] += xr, ai[k] += xi;
            }
        }
    free(wr);
    free(wi);
}
