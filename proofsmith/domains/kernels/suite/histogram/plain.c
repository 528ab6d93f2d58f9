/* proofsmith
entry = "histogram"
[sizes]
n = { test = [0, 1, 7, 64, 257, 1000], measure = 1500000 }
[arrays]
data = { shape = "n", access = "in" }
count = { shape = "256", access = "out" }
[tolerance]
policy = "exact"
[work]
bytes = "n"
*/

/* How often each byte value occurs. */
void histogram(int n, const unsigned char *data, unsigned int *count)
{
    for (int v = 0; v < 256; v++)
        count[v] = 0;
    for (int i = 0; i < n; i++)
        count[data[i]]++;
}
