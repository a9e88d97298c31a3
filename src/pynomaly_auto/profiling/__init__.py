"""What a table is like before anything is fitted: its description and its meta-features, each with its cost."""

from pynomaly_auto.profiling._meta import META_FEATURES, MetaFeature, meta_feature
from pynomaly_auto.profiling._profile import profile
from pynomaly_auto.profiling._view import MAX_ROWS, View

__all__ = ["MAX_ROWS", "META_FEATURES", "MetaFeature", "View", "meta_feature", "profile"]
