/-! Mirroring a tree twice gives the tree again: true. -/

inductive Tree where
  | leaf
  | node (left : Tree) (value : Nat) (right : Tree)

def mirror : Tree → Tree
  | .leaf => .leaf
  | .node l v r => .node (mirror r) v (mirror l)

theorem mirror_mirror (t : Tree) : mirror (mirror t) = t := sorry
