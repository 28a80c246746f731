"""Tests of compat.plan.support."""
