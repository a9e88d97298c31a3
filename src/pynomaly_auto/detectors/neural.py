"""Detectors that are neural networks: on the CPU or a GPU."""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE, Limit
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec

# Layer sizes are fixed: a search over rows of a few thousand gains more by code, rate and passes than by widths.
_HIDDEN = (64, 32)
_REFERENCE_ROWS = 10_000
# A step of a narrow network on 128 rows takes a core less time than a GPU needs to begin its operations; reckoned.
_GPU_FEATURES = 256
_SIZES = Limit(low=1, whole=True, several=True)
_TRAINING = {
    "hidden": _SIZES,
    "latent": COUNT,
    "epochs": COUNT,
    "batch_size": COUNT,
    "learning_rate": POSITIVE,
    "weight_decay": NOT_NEGATIVE,
}


def _passes(params: Mapping[str, Any]) -> float:
    return float(params["epochs"]) / 50 * 128 / float(params["batch_size"])


def _networks_work(params: Mapping[str, Any]) -> float:
    return float(params["n_representations"] * params["n_estimators"]) / (24 * 12)


DETECTORS.add(
    DetectorSpec(
        name="autoencoder",
        title="Autoencoder",
        family="neural",
        alike="reconstruction",
        target="pynomaly_auto.detectors.estimators._networks:AutoEncoder",
        paper="M. Sakurada, T. Yairi: Anomaly detection using autoencoders with nonlinear dimensionality reduction. "
        "MLSDA 2014.",
        summary="Rows that a network cannot rebuild through a bottleneck.",
        cost=Cost(
            row_ms=0.56,
            unit=0.65,
            n_power=0.65,
            d_power=0.1,
            score_share=0.052,
            memory_mb=2.1,
            memory_d_power=0.3,
            memory_base_mb=5.0,
            factor=_passes,
        ),
        capabilities=Capabilities(
            min_rows=20,
            min_features=2,
            finds=frozenset({"global", "dependency"}),
            interpretability=0.3,
            deterministic=False,
            gpu=True,
            gpu_min_features=_GPU_FEATURES,
        ),
        limits={**_TRAINING, "dropout": FRACTION},
        defaults={"hidden": _HIDDEN, "latent": 4, "epochs": 20, "batch_size": 128, "learning_rate": 1e-3},
        space={
            "latent": IntDistribution(2, 32, log=True),
            "dropout": FloatDistribution(0.0, 0.3),
            "learning_rate": FloatDistribution(3e-4, 1e-2, log=True),
            "epochs": IntDistribution(10, 100, step=10),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=_REFERENCE_ROWS,
        extra="torch",
    )
)

DETECTORS.add(
    DetectorSpec(
        name="vae",
        title="Variational autoencoder",
        family="neural",
        alike="reconstruction",
        target="pynomaly_auto.detectors.estimators._networks:VariationalAutoEncoder",
        paper="J. An, S. Cho: Variational autoencoder based anomaly detection using reconstruction probability. 2015.",
        summary="Rows unlikely under a network that generates rows from a few normal variables.",
        cost=Cost(
            row_ms=0.79,
            unit=0.74,
            n_power=0.5,
            d_power=0.1,
            score_share=0.043,
            memory_mb=2.4,
            memory_d_power=0.3,
            memory_base_mb=5.0,
            factor=_passes,
        ),
        capabilities=Capabilities(
            min_rows=20,
            min_features=2,
            finds=frozenset({"global", "dependency"}),
            interpretability=0.3,
            deterministic=False,
            gpu=True,
            gpu_min_features=_GPU_FEATURES,
        ),
        limits={**_TRAINING, "beta": NOT_NEGATIVE},
        defaults={
            "hidden": _HIDDEN,
            "latent": 8,
            "beta": 1.0,
            "epochs": 30,
            "batch_size": 128,
            "learning_rate": 1e-3,
        },
        space={
            "latent": IntDistribution(2, 32, log=True),
            "beta": FloatDistribution(0.01, 4.0, log=True),
            "learning_rate": FloatDistribution(3e-4, 1e-2, log=True),
            "epochs": IntDistribution(10, 100, step=10),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=_REFERENCE_ROWS,
        extra="torch",
    )
)

DETECTORS.add(
    DetectorSpec(
        name="deep_svdd",
        title="Deep support vector data description",
        family="neural",
        target="pynomaly_auto.detectors.estimators._networks:DeepSVDD",
        paper="L. Ruff et al.: Deep one-class classification. ICML 2018.",
        summary="Rows that a network trained to map all rows to one point leaves far from it.",
        cost=Cost(
            row_ms=0.36,
            unit=0.4,
            n_power=0.5,
            d_power=0.1,
            score_share=0.079,
            memory_mb=1.5,
            memory_d_power=0.3,
            memory_base_mb=5.0,
            factor=_passes,
        ),
        capabilities=Capabilities(
            min_rows=20,
            finds=frozenset({"global", "cluster"}),
            interpretability=0.1,
            deterministic=False,
            gpu=True,
            gpu_min_features=_GPU_FEATURES,
        ),
        limits=_TRAINING,
        defaults={
            "hidden": _HIDDEN,
            "latent": 16,
            "epochs": 10,
            "batch_size": 128,
            "learning_rate": 3e-4,
            "weight_decay": 1e-4,
        },
        space={
            "latent": IntDistribution(4, 32, log=True),
            "weight_decay": FloatDistribution(1e-6, 1e-2, log=True),
            "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
            "epochs": IntDistribution(5, 50, step=5),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=_REFERENCE_ROWS,
        extra="torch",
    )
)

DETECTORS.add(
    DetectorSpec(
        name="gan",
        title="Bidirectional generative adversarial network",
        family="neural",
        target="pynomaly_auto.detectors.estimators._networks:BidirectionalGAN",
        paper="H. Zenati et al.: Efficient GAN-based anomaly detection. arXiv:1802.06222, 2018.",
        summary="Rows that an encoder and a generator in a duel with a discriminator do not reproduce.",
        cost=Cost(
            row_ms=0.95,
            unit=1.25,
            n_power=0.6,
            d_power=0.1,
            score_share=0.06,
            memory_mb=3.4,
            memory_d_power=0.3,
            memory_base_mb=5.0,
            factor=_passes,
        ),
        capabilities=Capabilities(
            min_rows=20,
            min_features=2,
            finds=frozenset({"global", "dependency"}),
            interpretability=0.1,
            deterministic=False,
            gpu=True,
            gpu_min_features=_GPU_FEATURES,
        ),
        limits={**_TRAINING, "feature_weight": FRACTION},
        defaults={"hidden": _HIDDEN, "latent": 4, "epochs": 20, "batch_size": 128, "learning_rate": 1e-3},
        space={
            "latent": IntDistribution(2, 32, log=True),
            "feature_weight": FloatDistribution(0.0, 0.9),
            "learning_rate": FloatDistribution(3e-4, 3e-3, log=True),
            "epochs": IntDistribution(10, 60, step=10),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=_REFERENCE_ROWS,
        extra="torch",
    )
)

DETECTORS.add(
    DetectorSpec(
        name="deep_iforest",
        title="Deep isolation forest",
        family="neural",
        method="forest",
        alike="isolation",
        target="pynomaly_auto.detectors.estimators._networks:DeepIsolationForest",
        paper="H. Xu et al.: Deep isolation forest for anomaly detection. IEEE TKDE 35(12), 2023.",
        summary="Rows that few cuts set apart from the others in the outputs of random networks.",
        cost=Cost(
            row_ms=1.3,
            unit=0.27,
            n_power=0.65,
            d_power=0.1,
            memory_mb=3.8,
            memory_d_power=0.2,
            memory_base_mb=5.0,
            factor=_networks_work,
        ),
        capabilities=Capabilities(
            finds=frozenset({"global", "cluster", "dependency"}), interpretability=0.1, deterministic=False
        ),
        limits={
            "n_representations": COUNT,
            "n_estimators": COUNT,
            "hidden": _SIZES,
            "latent": COUNT,
            "max_samples": COUNT,
        },
        defaults={"n_representations": 24, "n_estimators": 12, "hidden": (64,), "latent": 20, "max_samples": 256},
        space={
            "n_representations": IntDistribution(8, 48, step=8),
            "n_estimators": IntDistribution(6, 24, step=6),
            "latent": IntDistribution(8, 32, log=True),
            "max_samples": IntDistribution(64, 512, log=True),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=50_000,
    )
)
