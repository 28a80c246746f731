"""The commands. Each is a stage of the way through, and does nothing that the stage's folder does not do.

An import that costs something is inside the function: ``compat --help`` answers at once.
"""
