"""Language models behind one seam: an OpenAI-compatible client, and doubles that need no endpoint.

`OpenAIModel` talks to an endpoint; `ScriptedModel`, `RecordReplay` and `SimulatedModel` stand in for one.
Importing this package does not import the SDK.
"""

from proofsmith.model.accounting import Prices
from proofsmith.model.endpoint import OpenAIModel
from proofsmith.model.faults import RetryPolicy
from proofsmith.model.keys import find_key
from proofsmith.model.replay import RecordReplay
from proofsmith.model.routed import RoutedModel
from proofsmith.model.scripted import ScriptedModel
from proofsmith.model.simulated import Knobs, SimulatedModel, behaviour_of, passed_of
from proofsmith.model.throttle import Throttle

__all__ = [
    "Knobs",
    "OpenAIModel",
    "Prices",
    "RecordReplay",
    "RetryPolicy",
    "RoutedModel",
    "ScriptedModel",
    "SimulatedModel",
    "Throttle",
    "behaviour_of",
    "passed_of",
    "find_key",
]
