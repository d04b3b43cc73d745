"""Kernels of a learner's JupyterLab: Python as it is installed, with Japanese help under a traceback.

``jupyter_config/jupyter_server_config.json`` names the class below. So the help is on in every notebook that
this JupyterLab opens and nowhere else: no notebook has a line for it, nobody's IPython settings are touched,
and a grading run, which starts its kernels itself, knows nothing of it.
"""

from __future__ import annotations

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager

__all__ = ["HELP", "LearnersKernelSpecs"]

HELP = "autograder.learner.error_help"


class LearnersKernelSpecs(KernelSpecManager):
    """The installed kernels; the one of the lessons loads one more IPython extension."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        spec = super().get_kernel_spec(kernel_name)
        if kernel_name == NATIVE_KERNEL_NAME:
            spec.argv = [*spec.argv, f"--InteractiveShellApp.extra_extensions={HELP}"]
        return spec
