/-! A clamped number lies between its bounds: true. -/

def clamp (lo hi x : Int) : Int := if x < lo then lo else if hi < x then hi else x

theorem clamp_bounds (lo hi x : Int) (h : lo ≤ hi) : lo ≤ clamp lo hi x ∧ clamp lo hi x ≤ hi := sorry
