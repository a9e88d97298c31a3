"""Our own estimators and what they share: search, scales, and how they are stored as data.

Imported module by module, as each brings its own libraries.
"""
