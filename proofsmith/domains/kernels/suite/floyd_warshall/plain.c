/* proofsmith
entry = "floyd_warshall"
[sizes]
n = { test = [0, 1, 2, 5, 8, 17, 33], measure = 128 }
[arrays]
dist = { shape = "n*n", access = "inout", range = [0, 1000000] }
[tolerance]
policy = "exact"
[work]
flops = "2*n*n*n"
bytes = "8*n*n"
*/

/* Lengths of all shortest paths. */
void floyd_warshall(int n, int *dist)
{
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                if (dist[i * n + k] + dist[k * n + j] < dist[i * n + j])
                    dist[i * n + j] = dist[i * n + k] + dist[k * n + j];
            }
        }
    }
}
