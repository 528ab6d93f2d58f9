import json
import math
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofsmith.planners.tree import ROOT, Exploration, Tree


@pytest.mark.parametrize(
    ("prior", "parent_visits", "returns"),
    [(0.5, 1, 0), (0.5, 2, 0), (0.5, 10, 0), (0.5, 10, 3), (1.0, 100, 1), (0.2, 7, 2)],
)
def test_p_ucb_is_beta_times_prior_times_root_log_over_one_plus_n(prior, parent_visits, returns):
    beta = math.log((parent_visits + 10 + 1) / 10) + 4
    expected = beta * prior * math.sqrt(math.log(parent_visits)) / (1 + returns)
    assert Exploration().bonus(prior, parent_visits, returns) == pytest.approx(expected)


def test_exploration_decays_as_one_over_n_and_not_its_root():
    bonus = Exploration().bonus
    assert bonus(1.0, 50, 0) == pytest.approx(4 * bonus(1.0, 50, 3))


def test_plain_uct_ignores_the_prior_and_tries_everything_once():
    uct = Exploration(rule="uct", c=1.5)
    assert uct.bonus(0.1, 10, 0) == math.inf
    assert uct.bonus(0.1, 10, 4) == pytest.approx(1.5 * math.sqrt(math.log(10) / 4))


def family():
    tree = Tree()
    left, right = tree.add(ROOT, "left", 0.7), tree.add(ROOT, "right", 0.3)
    return tree, left, right


def test_backup_keeps_the_maximum_and_discounts_per_level():
    tree, left, _ = family()
    child = tree.add(left, "child", 1.0)
    tree.backup(child, 0.8)
    tree.backup(child, 0.5)
    assert [tree.nodes[i].best for i in (child, left, ROOT)] == pytest.approx([0.8, 0.72, 0.648])
    assert [tree.nodes[i].returns for i in (child, left, ROOT)] == [2, 2, 2]
    assert tree.nodes[ROOT].visits == 3


def test_selection_takes_the_largest_prior_first_and_then_the_largest_score():
    tree, left, right = family()
    tree.backup(left, 0.1)
    tree.nodes[left].state = "open"
    grandchild = tree.add(left, "deep", 1.0)
    picked = tree.select()
    best = max((left, right), key=tree.score)
    assert picked == (grandchild if best == left else right)


def test_virtual_loss_sends_the_next_leaf_elsewhere_and_is_taken_back_exactly():
    tree, left, right = family()
    tree.backup(left, 0.5)
    before = [(n.returns, n.best, n.flying) for n in tree.nodes]
    quiet = tree.score(right)
    tree.fly(right, +1)
    assert tree.score(right) < quiet
    tree.fly(right, -1)
    assert [(n.returns, n.best, n.flying) for n in tree.nodes] == before


def test_a_subtree_whose_leaves_are_all_busy_is_passed_over():
    tree, left, right = family()
    tree.nodes[left].state = "open"
    busy = tree.add(left, "busy", 1.0)
    tree.take(left)
    tree.take(busy)
    tree.backup(left, 1.0)
    assert tree.select() == right
    tree.take(right)
    assert tree.select() is None
    assert tree.nodes[ROOT].live == 0


def test_an_indicted_thought_is_chosen_less():
    tree, left, _ = family()
    tree.backup(left, 0.8)
    before = tree.score(left)
    tree.nodes[left].weight = 0.5
    assert tree.score(left) < before


@given(st.integers(0, 2**32))
def test_a_tree_survives_dump_and_load_with_the_same_choices(seed):
    rng, tree = random.Random(seed), Tree()
    for _ in range(30):
        parent = rng.randrange(len(tree.nodes))
        index = tree.add(parent, f"t{len(tree.nodes)}", rng.random())
        tree.nodes[parent].state = "open"
        tree.backup(index, rng.random())
        if rng.random() < 0.3:
            tree.fly(index, +1)
    other = Tree()
    other.load(json.loads(json.dumps(tree.dump())))
    assert other.nodes == tree.nodes
    assert other.select() == tree.select()


def test_a_node_stays_small():
    tree = Tree()
    for n in range(1000):
        tree.add(n // 3, "x" * 300, 0.3)
    size = sum(
        sys.getsizeof(node) + sys.getsizeof(node.thought) + sys.getsizeof(node.children)
        for node in tree.nodes
    )
    assert size / 1000 < 4096
