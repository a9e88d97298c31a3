"""Realistic labelled tables where real ones are lacking: priors fitted to real normal rows, four kinds of anomalies.

After Han et al. (2022), ADBench, NeurIPS, and Steinbuss and Boehm (2021), Benchmarking unsupervised outlier detection
with realistic synthetic data, ACM TKDD.
"""

from meta_datasets.synthetic._columns import Columns, read_columns
from meta_datasets.synthetic.anomalies import KINDS, Difficulty, cluster, dependency, global_, local
from meta_datasets.synthetic.causal import CausalModel
from meta_datasets.synthetic.copula import Copula
from meta_datasets.synthetic.generate import PRIORS, Generated, SyntheticPlan, generate, write
from meta_datasets.synthetic.mixture import Mixture

__all__ = [
    "KINDS",
    "PRIORS",
    "CausalModel",
    "Columns",
    "Copula",
    "Difficulty",
    "Generated",
    "Mixture",
    "SyntheticPlan",
    "cluster",
    "dependency",
    "generate",
    "global_",
    "local",
    "read_columns",
    "write",
]
