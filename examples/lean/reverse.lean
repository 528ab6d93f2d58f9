/-! Reversing a list keeps its length: true. -/

def rev : List Nat → List Nat
  | [] => []
  | x :: xs => rev xs ++ [x]

theorem length_rev (xs : List Nat) : (rev xs).length = xs.length := sorry
