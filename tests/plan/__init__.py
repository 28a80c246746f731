"""Tests of compat.plan, file by file. A package, so that two stages may have test files of one name."""
