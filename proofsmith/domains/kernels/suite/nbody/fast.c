/* A fast version by hand: what rules and models are compared with. */

#include <math.h>

void nbody(int n, const double *restrict x, const double *restrict y, const double *restrict z,
           const double *restrict mass, double *restrict ax, double *restrict ay,
           double *restrict az)
{
    for (int i = 0; i < n; i++) {
        double sx = 0.0, sy = 0.0, sz = 0.0;
        for (int j = 0; j < n; j++) {
            const double dx = x[j] - x[i], dy = y[j] - y[i], dz = z[j] - z[i];
            const double r2 = dx * dx + dy * dy + dz * dz + 0.01;
            const double f = mass[j] / (r2 * sqrt(r2));
            sx += f * dx;
            sy += f * dy;
            sz += f * dz;
        }
        ax[i] = sx;
        ay[i] = sy;
        az[i] = sz;
    }
}
