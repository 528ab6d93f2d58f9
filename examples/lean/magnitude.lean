/-! A magnitude is never negative: true. -/

def magnitude (x : Int) : Int := if x < 0 then -x else x

theorem magnitude_nonneg (x : Int) : 0 ≤ magnitude x := sorry
