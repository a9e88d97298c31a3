"""How detectors see a table: other coordinates, or without the rows presumed to be outliers.

Imported module by module: what a view costs is asked for without the libraries that make it.
"""
