/-! Dropping repeated elements does not keep the length: false. -/

def unique : List Nat → List Nat
  | [] => []
  | x :: xs => if x ∈ xs then unique xs else x :: unique xs

theorem length_unique (xs : List Nat) : (unique xs).length = xs.length := sorry
