/* proofsmith
entry = "monte_carlo"
[sizes]
n = { test = [0, 1, 2, 7, 64, 1001], measure = 200000 }
[arrays]
hits = { shape = "1", access = "out" }
[scalars]
seed = { range = [0, 1000000], measure = 12345 }
[tolerance]
policy = "exact"
[work]
flops = "7*n"
*/

/* Count random points of the unit square that fall into the quarter circle. */
void monte_carlo(int n, unsigned int seed, long *hits)
{
    unsigned long long state = seed;
    long inside = 0;
    for (int i = 0; i < n; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        double x = (double)(state >> 33) / 2147483648.0;
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        double y = (double)(state >> 33) / 2147483648.0;
        if (x * x + y * y <= 1.0)
            inside++;
    }
    hits[0] = inside;
}
