/* A fast version by hand: what rules and models are compared with. */

void floyd_warshall(int n, int *dist)
{
    for (int k = 0; k < n; k++) {
        const int *through = dist + (long)k * n;
        for (int i = 0; i < n; i++) {
            int *row = dist + (long)i * n;
            const int first = row[k];
#pragma GCC ivdep
            for (int j = 0; j < n; j++) {
                const int way = first + through[j];
                row[j] = way < row[j] ? way : row[j];
            }
        }
    }
}
