"""The bounded rung: both queries as formulas over tables of at most k rows, compared by a solver."""
