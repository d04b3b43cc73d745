"""Seeded generators of the synthetic data of たから市 (a fictional city), one module a data set."""
