/* A fast version by hand: what rules and models are compared with. */

#include <string.h>

/* Where the first character fits is found for 64 places at once; the rest is compared where it does. */
int string_search(int n, const char *text, int m, const char *pattern)
{
    enum { BLOCK = 256 };
    int found = 0, i = 0;
    for (; i + BLOCK <= n - m + 1; i += BLOCK) {
        unsigned char alive[BLOCK];
        memset(alive, 1, BLOCK);
        for (int j = 0; j < m; j++) {
            unsigned char any = 0;
            const char wanted = pattern[j];
            for (int l = 0; l < BLOCK; l++) {
                alive[l] &= text[i + l + j] == wanted;
                any |= alive[l];
            }
            if (!any)
                break;
        }
        for (int l = 0; l < BLOCK; l++)
            found += alive[l];
    }
    for (; i <= n - m; i++)
        found += memcmp(text + i, pattern, (size_t)m) == 0;
    return found;
}
