"""Measuring detectors on tasks: which configurations, how they are fitted and judged, the files of what came out."""
