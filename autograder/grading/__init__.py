"""From a folder of hand-ins to a graded class: collect, repair, run, score, record, feedback, report."""

import sys


def _import_nbformat() -> None:
    """Import nbformat without the grammar of internationalised web addresses.

    jsonschema, which nbformat uses, builds that grammar when it is imported and the package is there: most of
    a second in every process, for a check that no notebook schema asks for.
    """
    grammar = "rfc3987_syntax"
    if grammar in sys.modules:
        return
    sys.modules[grammar] = None  # type: ignore[assignment]  # "not installed"
    try:
        import nbformat.validator  # noqa: F401
    finally:
        del sys.modules[grammar]


_import_nbformat()
