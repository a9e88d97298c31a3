"""Measurements of quality, speed and memory beside peers, in the same run on the same machine."""
