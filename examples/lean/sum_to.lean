/-! The sum of the numbers up to `n` is the triangular number: true. -/

def sumTo : Nat → Nat
  | 0 => 0
  | n + 1 => (n + 1) + sumTo n

theorem sumTo_closed (n : Nat) : 2 * sumTo n = n * (n + 1) := sorry
