"""Print the bars of a benchmark and turn them into an exit code."""

from dataclasses import dataclass, field


@dataclass
class Bars:
    """Collects bars; `close` prints one line for each and returns 1 when one is short, else 0."""

    rows: list[tuple[str, float, str, float, bool]] = field(default_factory=list)

    def at_least(self, name: str, value: float, goal: float) -> None:
        self.rows.append((name, value, ">=", goal, value >= goal))

    def at_most(self, name: str, value: float, goal: float) -> None:
        self.rows.append((name, value, "<=", goal, value <= goal))

    def close(self) -> int:
        for name, value, sense, goal, ok in self.rows:
            print(f"BAR {name} {value:.4g} {sense} {goal:g} {'ok' if ok else 'short'}")
        return 0 if all(row[-1] for row in self.rows) else 1
