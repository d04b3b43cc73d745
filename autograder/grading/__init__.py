"""From a folder of hand-ins to a graded class: collect, repair, run, score, record, feedback, report."""
