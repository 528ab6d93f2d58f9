/-! Natural numbers stop at zero, so taking away and giving back may change a balance: false. -/

def withdraw (balance amount : Nat) : Nat := balance - amount

theorem withdraw_deposit (balance amount : Nat) : withdraw balance amount + amount = balance := sorry
