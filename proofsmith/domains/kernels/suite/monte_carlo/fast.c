/* A fast version by hand: what rules and models are compared with. */

/* Sixteen points at a time: lane l jumps over the numbers of the other lanes. */
void monte_carlo(int n, unsigned int seed, long *hits)
{
    const unsigned long long a = 6364136223846793005ULL, c = 1442695040888963407ULL;
    enum { LANES = 16 };
    unsigned long long lane[LANES], jump = 1, shift = 0, state = seed;
    long inside[LANES] = {0}, total = 0;
    for (int l = 0; l < LANES; l++) {
        lane[l] = state;
        state = (state * a + c) * a + c;
    }
    for (int s = 0; s < 2 * LANES; s++) {
        jump *= a;
        shift = shift * a + c;
    }
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            const unsigned long long first = lane[l] * a + c, second = first * a + c;
            const double x = (double)(first >> 33) / 2147483648.0;
            const double y = (double)(second >> 33) / 2147483648.0;
            inside[l] += x * x + y * y <= 1.0;
            lane[l] = lane[l] * jump + shift;
        }
    for (state = lane[0]; i < n; i++) {
        state = state * a + c;
        const double x = (double)(state >> 33) / 2147483648.0;
        state = state * a + c;
        const double y = (double)(state >> 33) / 2147483648.0;
        total += x * x + y * y <= 1.0;
    }
    for (int l = 0; l < LANES; l++)
        total += inside[l];
    hits[0] = total;
}
