"""Tables of a knowledge base as a build would have written them, made up."""

from __future__ import annotations

import json
import types

import numpy as np
import pandas as pd

LEVEL = {
    "iforest": 0.78,
    "knn_mean": 0.80,
    "mcd": 0.77,
    "hbos": 0.72,
    "lof": 0.66,
    "pca": 0.70,
    "gan": 0.55,
}


def tables(n_tasks: int = 40, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tasks and results; neighbours do well where ``clusters`` is high, the others where it is low."""
    rng = np.random.default_rng(seed)
    tasks, results = [], []
    for i in range(n_tasks):
        clusters, rows = float(rng.uniform(0, 5)), float(rng.integers(200, 5000))
        share = 0.01 + 0.05 * clusters
        tasks.append(
            {
                "task": f"t{i:03}",
                "suite": "made",
                "group": f"g{i // 2}",
                "domain": "",
                "n_rows": int(rows),
                "n_columns": 5,
                "n_features": 5,
                "anomaly_share": share,
                "source": "made up",
                "licence": "CC0",
                "mf_log_rows": np.log(rows),
                "mf_clusters": clusters,
                "mf_constant": 1.0,
                "mf_rare": np.nan if i % 3 else 1.0 * i,
                "mf_noise": float(rng.normal()),
            }
        )
        for name, level in LEVEL.items():
            lean = 0.03 * (clusters - 2.5) * (1 if name in {"knn_mean", "lof"} else -1)
            for config in ("default", "aaaa", "bbbb") if name in {"iforest", "lof"} else ("default",):
                gain = {"default": 0.0, "aaaa": 0.02, "bbbb": -0.02}[config]
                failed = name == "gan" and i % 4 == 0
                auc = float(np.clip(level + lean + gain + rng.normal(0, 0.03), 0, 1))
                results.append(
                    {
                        "task": f"t{i:03}",
                        "detector": name,
                        "config": config,
                        "params": json.dumps({"n": gain}),
                        "status": "failed" if failed else "completed",
                        "seconds": 0.1,
                        "memory_mb": 1.0,
                        "seed": 0,
                        "error": "broke" if failed else "",
                        "roc_auc": np.nan if failed else auc,
                        "average_precision": auc / 2,
                        "f1_at_n": auc / 2,
                        "precision_at_n": auc / 2,
                        "st_agreement": np.nan if failed else auc + float(rng.normal(0, 0.02)),
                        "st_gap": 0.1,
                    }
                )
    return pd.DataFrame(tasks), pd.DataFrame(results)


MADE = types.SimpleNamespace(tables=tables, LEVEL=LEVEL)
