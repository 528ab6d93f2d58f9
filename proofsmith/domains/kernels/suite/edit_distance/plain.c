/* proofsmith
entry = "edit_distance"
[sizes]
n = { test = [0, 1, 2, 7, 16, 33], measure = 900 }
m = { test = [0, 1, 3, 8, 17, 40], measure = 900 }
[arrays]
a = { shape = "n", access = "in", structure = "text" }
b = { shape = "m", access = "in", structure = "text" }
D = { shape = "(n+1)*(m+1)", access = "out" }
[tolerance]
policy = "exact"
[work]
flops = "4*n*m"
bytes = "4*(n+1)*(m+1)"
*/

/* Levenshtein distances of all prefixes of a and b; the last entry is the distance. */
int edit_distance(int n, const char *a, int m, const char *b, int *D)
{
    for (int i = 0; i <= n; i++)
        D[i * (m + 1)] = i;
    for (int j = 0; j <= m; j++)
        D[j] = j;
    for (int i = 1; i <= n; i++) {
        for (int j = 1; j <= m; j++) {
            int cost = a[i - 1] == b[j - 1] ? 0 : 1;
            int best = D[(i - 1) * (m + 1) + j - 1] + cost;
            if (D[(i - 1) * (m + 1) + j] + 1 < best)
                best = D[(i - 1) * (m + 1) + j] + 1;
            if (D[i * (m + 1) + j - 1] + 1 < best)
                best = D[i * (m + 1) + j - 1] + 1;
            D[i * (m + 1) + j] = best;
        }
    }
    return D[n * (m + 1) + m];
}
