/* proofsmith
entry = "prefix_sum"
[sizes]
n = { test = [0, 1, 2, 7, 16, 33, 257], measure = 1000000 }
[arrays]
in = { shape = "n", access = "in" }
out = { shape = "n", access = "out" }
[tolerance]
policy = "exact"
[work]
bytes = "8*n"
*/

/* Inclusive prefix sum, modulo 2^32. */
void prefix_sum(int n, const unsigned int *in, unsigned int *out)
{
    unsigned int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += in[i];
        out[i] = sum;
    }
}
