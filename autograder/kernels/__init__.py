"""Kernels that start quickly and cannot do harm: forked from a parent that has imported everything, confined.

Knows nothing of grading. ``parent`` runs in a process of its own and forks, ``client`` talks to it,
``provisioner`` makes it a Jupyter kernel provisioner, ``sandbox`` says what holds on this machine, and
``namespaces``, ``landlock`` and ``seccomp`` are the walls.
"""
