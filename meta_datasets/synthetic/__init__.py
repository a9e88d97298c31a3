"""Realistic labelled tables where real ones are lacking: priors fitted to real normal rows, four kinds of anomalies.

After Han et al. (2022), ADBench, NeurIPS, and Steinbuss and Boehm (2021), Benchmarking unsupervised outlier detection
with realistic synthetic data, ACM TKDD. Beside these tables into which anomalies are planted that are odd in their
context: generated ones, for judging alone (`business`, `transactions`), and real ones (`planted`, `mistakes`).
"""

from meta_datasets.synthetic._columns import Columns, read_columns
from meta_datasets.synthetic._draft import Planted
from meta_datasets.synthetic.anomalies import KINDS, Difficulty, cluster, dependency, global_, local
from meta_datasets.synthetic.business import DOMAINS, business
from meta_datasets.synthetic.causal import CausalModel
from meta_datasets.synthetic.copula import Copula
from meta_datasets.synthetic.generate import PRIORS, Generated, SyntheticPlan, generate, write
from meta_datasets.synthetic.mistakes import mistakes
from meta_datasets.synthetic.mixture import Mixture
from meta_datasets.synthetic.planting import planted
from meta_datasets.synthetic.transactions import transactions

__all__ = [
    "DOMAINS",
    "KINDS",
    "PRIORS",
    "CausalModel",
    "Columns",
    "Copula",
    "Difficulty",
    "Generated",
    "Mixture",
    "Planted",
    "SyntheticPlan",
    "business",
    "cluster",
    "dependency",
    "generate",
    "global_",
    "local",
    "mistakes",
    "planted",
    "read_columns",
    "transactions",
    "write",
]
