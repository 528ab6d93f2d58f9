/* proofsmith
entry = "fft"
[sizes]
log2n = { test = [0, 1, 2, 3, 4, 7], measure = 13 }
[arrays]
re = { shape = "1 << log2n", access = "inout", finite = true }
im = { shape = "1 << log2n", access = "inout", finite = true }
[tolerance]
policy = "reassociate"
[work]
flops = "5 * log2n * (1 << log2n)"
bytes = "32 * (1 << log2n)"
*/

#include <math.h>

/* In-place radix-2 fast Fourier transform of 2^log2n complex numbers. */
void fft(int log2n, double *re, double *im)
{
    const double pi = 3.14159265358979323846;
    int n = 1 << log2n;

    for (int i = 1, j = 0; i < n; i++) {
        int bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double t = re[i];
            re[i] = re[j];
            re[j] = t;
            t = im[i];
            im[i] = im[j];
            im[j] = t;
        }
    }
    for (int len = 2; len <= n; len <<= 1) {
        int half = len / 2;
        for (int start = 0; start < n; start += len) {
            for (int k = 0; k < half; k++) {
                double angle = -2.0 * pi * k / len;
                double wr = cos(angle), wi = sin(angle);
                int a = start + k, b = start + k + half;
                double xr = re[b] * wr - im[b] * wi;
                double xi = re[b] * wi + im[b] * wr;
                re[b] = re[a] - xr;
                im[b] = im[a] - xi;
                re[a] += xr;
                im[a] += xi;
            }
        }
    }
}
