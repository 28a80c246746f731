"""Executes a plan: realises its runtimes, and measures its cases in pairs, generation after generation.

It never judges. It asks the judge only how many pairs an item still wants.
"""
