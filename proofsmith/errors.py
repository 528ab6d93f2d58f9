"""The exception tree: what went wrong with the machinery or the request, never with a candidate.

ProofsmithError
 |- UsageError    the caller can fix it: one line and a hint, no traceback (exit 2)
 |- SandboxError  the sandbox or a toolchain is missing or died (exit 3)
 |- StoreError    the run folder or a store cannot be read or written (exit 3)
 |- ModelError    the model endpoint failed for good (exit 4 when no rule could go on)
 `- BudgetSpent   a reservation did not fit into what is left of the budget

A candidate that is wrong, slow, hostile or does not compile is a value (`types.Verdict`), never one of these.
"""


class ProofsmithError(Exception):
    """Root of every error that this package raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the one-line `message` and a `hint` that says what to do next (may be empty)."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ProofsmithError):
    """The request cannot be carried out as written; the caller can fix it."""


class SandboxError(ProofsmithError):
    """The isolation machinery or a toolchain failed; says nothing about the candidate."""


class DiedTwice(SandboxError):
    """A server died on a request and, started anew, on the same one: what was asked may be what kills it."""


class StoreError(ProofsmithError):
    """A run folder, ledger, cache or report could not be read or written."""


class ModelError(ProofsmithError):
    """The model endpoint did not give a usable reply after all retries."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        http_status: int | None = None,
        tokens: int = 0,
        cost_usd: float | None = 0.0,
        only_this_call: bool = False,
    ) -> None:
        """Keep the last HTTP status and what the failed call nevertheless cost (None: unknown price).

        `http_status` is None when no response arrived at all. `only_this_call` means that the endpoint works but
        this reply was of no use: a refusal, or structured output that stayed malformed.
        """
        super().__init__(message, hint=hint)
        self.http_status = http_status
        self.tokens = tokens
        self.cost_usd = cost_usd
        self.only_this_call = only_this_call


class BudgetSpent(ProofsmithError):
    """A reservation of tokens, money, time or attempts did not fit; `resource` names which."""

    def __init__(self, resource: str, message: str = "") -> None:
        """Name the exhausted resource: `tokens`, `cost_usd`, `wall_s` or `attempts`."""
        super().__init__(message or f"the budget of {resource} is spent")
        self.resource = resource
