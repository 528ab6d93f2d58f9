/* proofsmith
entry = "string_search"
[sizes]
n = { test = [0, 1, 2, 7, 64, 513], measure = 200000 }
m = { test = [0, 1, 2, 3, 8, 17], measure = 8 }
[arrays]
text = { shape = "n", access = "in", structure = "text" }
pattern = { shape = "m", access = "in", structure = "text" }
[tolerance]
policy = "exact"
[work]
bytes = "n + m"
*/

/* Number of places where the pattern occurs in the text, overlaps included. */
int string_search(int n, const char *text, int m, const char *pattern)
{
    int found = 0;
    for (int i = 0; i <= n - m; i++) {
        int j = 0;
        while (j < m && text[i + j] == pattern[j])
            j++;
        if (j == m)
            found++;
    }
    return found;
}
