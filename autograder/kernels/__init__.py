"""Kernels that start quickly and cannot do harm: forked from a parent that has imported everything, confined.

Knows nothing of grading. ``parent`` runs in a process of its own and forks (``child``) the kernel that it
has made (``plain_kernel``), ``client`` talks to it, ``forked`` runs code in a kernel, ``sandbox`` says what
holds on this machine, and ``namespaces``, ``landlock`` and ``seccomp`` are the walls.
"""
