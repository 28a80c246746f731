"""Runs cases inside the runtime under test.

The probe depends on nothing but the standard library (Python 3.9 and later), ``compat.errors`` and ``compat.model``:
what a case needs beyond that is the runtime's, and is imported only by the case. It promises the controller one thing:
lines of JSON, each followed by the raw bytes that it announces (``protocol``).
"""
