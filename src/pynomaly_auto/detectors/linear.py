"""Detectors of this family."""
