/-! Halving before adding is not the mean: false, both rests are lost. -/

def mean (a b : Nat) : Nat := a / 2 + b / 2

theorem mean_correct (a b : Nat) : mean a b = (a + b) / 2 := sorry
