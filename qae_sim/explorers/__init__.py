"""The interactive objects that the lessons show: state, model, controls and picture in one.

Each explorer starts from its defaults or from a text, ``QuantileGate.from_state("k=.4&g=16&c=3")``, and gives that
text back with ``permalink()``. :func:`address` gives the address under which the site shows a state.
"""

from qae_sim.explorers.anchor_tracking import KalmanAnchorExplorer
from qae_sim.explorers.collapse_explosion import CollapseExplosion
from qae_sim.explorers.credit_within_responses import PartAdvantages
from qae_sim.explorers.derive import Derive
from qae_sim.explorers.entropy_covariance import EntropyCovariance
from qae_sim.explorers.estimator_table import EstimatorTable
from qae_sim.explorers.explorer import Explorer, address
from qae_sim.explorers.glossary import GLOSSARY, GlossaryTerm, look_up
from qae_sim.explorers.group_bias import GroupBias
from qae_sim.explorers.key_tokens import KeyTokens
from qae_sim.explorers.length_pressure import LengthPressure
from qae_sim.explorers.length_runs import LengthRuns
from qae_sim.explorers.lesson import Claims, Places, Predict, Solution, check, compare
from qae_sim.explorers.live_training import LiveTraining
from qae_sim.explorers.predictions import BarsPrediction, CurvePrediction, Prediction, SliderPrediction, Slip
from qae_sim.explorers.proposition_4_2 import Proposition42
from qae_sim.explorers.quantile_gate import QuantileGate
from qae_sim.explorers.recorded_runs import Findings, RecordedRuns
from qae_sim.explorers.solutions import Solutions
from qae_sim.explorers.story import Story
from qae_sim.explorers.training_log import TrainingLog
from qae_sim.explorers.trial import Trial
from qae_sim.explorers.trl_runs import TRLRuns
from qae_sim.explorers.worksheet import hand_in

__all__ = [
    "GLOSSARY",
    "BarsPrediction",
    "Claims",
    "CollapseExplosion",
    "CurvePrediction",
    "Derive",
    "EntropyCovariance",
    "EstimatorTable",
    "Explorer",
    "Findings",
    "GlossaryTerm",
    "GroupBias",
    "KalmanAnchorExplorer",
    "KeyTokens",
    "LengthPressure",
    "LengthRuns",
    "LiveTraining",
    "PartAdvantages",
    "Places",
    "Predict",
    "Prediction",
    "Proposition42",
    "QuantileGate",
    "RecordedRuns",
    "SliderPrediction",
    "Slip",
    "Solution",
    "Solutions",
    "Story",
    "TRLRuns",
    "TrainingLog",
    "Trial",
    "address",
    "check",
    "compare",
    "hand_in",
    "look_up",
]
