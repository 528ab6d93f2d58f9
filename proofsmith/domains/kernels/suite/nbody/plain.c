/* proofsmith
entry = "nbody"
[sizes]
n = { test = [0, 1, 2, 5, 8, 17, 65], measure = 600 }
[arrays]
x = { shape = "n", access = "in", range = [-10, 10] }
y = { shape = "n", access = "in", range = [-10, 10] }
z = { shape = "n", access = "in", range = [-10, 10] }
mass = { shape = "n", access = "in", range = [0, 5] }
ax = { shape = "n", access = "out" }
ay = { shape = "n", access = "out" }
az = { shape = "n", access = "out" }
[tolerance]
policy = "reassociate"
[work]
flops = "20*n*n"
bytes = "56*n"
*/

#include <math.h>

/* Gravitational accelerations of n bodies with softening, all pairs. */
void nbody(int n, const double *x, const double *y, const double *z, const double *mass,
           double *ax, double *ay, double *az)
{
    for (int i = 0; i < n; i++) {
        ax[i] = 0.0;
        ay[i] = 0.0;
        az[i] = 0.0;
        for (int j = 0; j < n; j++) {
            double dx = x[j] - x[i];
            double dy = y[j] - y[i];
            double dz = z[j] - z[i];
            double r2 = dx * dx + dy * dy + dz * dz + 0.01;
            double inv = 1.0 / sqrt(r2);
            double f = mass[j] * inv * inv * inv;
            ax[i] += f * dx;
            ay[i] += f * dy;
            az[i] += f * dz;
        }
    }
}
