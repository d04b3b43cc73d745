"""The builder: texts in, notebooks out. Run it with ``python -m course.build`` from the repository root.

text → cells with roles (:mod:`.text`, :mod:`.directives`) → a lesson (:mod:`.session`) or an assignment
(:mod:`.assignment`, :mod:`.stub`) → notebooks (:mod:`.notebook`, :mod:`.release`, :mod:`.solutions`) → files
(:mod:`.site`). For tests: :mod:`.prove` (variants to run), :mod:`.expected` and :mod:`.leaks`.
"""
