/-! Inserting into a list by order makes it one longer: true. -/

def place (x : Nat) : List Nat → List Nat
  | [] => [x]
  | y :: ys => if x ≤ y then x :: y :: ys else y :: place x ys

theorem length_place (x : Nat) (xs : List Nat) : (place x xs).length = xs.length + 1 := sorry
