/* proofsmith
entry = "radix_sort"
[sizes]
n = { test = [0, 1, 2, 7, 64, 257, 1000], measure = 60000 }
[arrays]
key = { shape = "n", access = "inout" }
tmp = { shape = "n", access = "out" }
[tolerance]
policy = "exact"
[work]
bytes = "48*n"
*/

/* Least significant digit first, eight bits at a time; tmp is scratch space that ends as written. */
void radix_sort(int n, unsigned int *key, unsigned int *tmp)
{
    for (int shift = 0; shift < 32; shift += 8) {
        int count[257];
        for (int d = 0; d < 257; d++)
            count[d] = 0;
        for (int i = 0; i < n; i++)
            count[((key[i] >> shift) & 255) + 1]++;
        for (int d = 0; d < 256; d++)
            count[d + 1] += count[d];
        for (int i = 0; i < n; i++) {
            int digit = (key[i] >> shift) & 255;
            tmp[count[digit]] = key[i];
            count[digit]++;
        }
        for (int i = 0; i < n; i++)
            key[i] = tmp[i];
    }
}
