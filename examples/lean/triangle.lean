/-! The loop of a Python function, with its specification: true.

    def triangle(n):
        total = 0
        for i in range(n):
            total += i + 1
        return total

The loop becomes a function of what is left to count and of the running total; what it returns is stated for every total.
-/

def triangleLoop : Nat → Nat → Nat
  | 0, total => total
  | n + 1, total => triangleLoop n (total + (n + 1))

theorem triangle_spec (n total : Nat) : 2 * triangleLoop n total = 2 * total + n * (n + 1) := sorry
