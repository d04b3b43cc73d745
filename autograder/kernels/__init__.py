"""Kernels for grading. Knows nothing of grading."""
