from .anchor_tracking import KalmanAnchorExplorer
from .collapse_explosion import CollapseExplosion
from .credit_within_responses import PartAdvantages
from .derive import Derive
from .entropy_covariance import EntropyCovariance
from .estimator_table import EstimatorTable
from .explorer import Explorer, address
from .glossary import GLOSSARY, GlossaryTerm, look_up
from .group_bias import GroupBias
from .key_tokens import KeyTokens
from .length_pressure import LengthPressure
from .length_runs import LengthRuns
from .lesson import Claims, Places, Predict, Solution, check, compare
from .live_training import LiveTraining
from .predictions import BarsPrediction, CurvePrediction, Prediction, SliderPrediction, Slip
from .proposition_4_2 import Proposition42
from .quantile_gate import QuantileGate
from .recorded_runs import Findings, RecordedRuns
from .solutions import Solutions
from .story import Story
from .training_log import TrainingLog
from .trial import Trial
from .trl_runs import TRLRuns
from .worksheet import hand_in

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
