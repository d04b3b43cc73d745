"""The builder: texts in, notebooks out. Run it with ``python -m course.build`` from the repository root.

text → cells with roles (:mod:`.text`, :mod:`.directives`) → a lesson (:mod:`.session`) or an assignment
(:mod:`.assignment`, :mod:`.stub`) → notebooks (:mod:`.notebook`, :mod:`.release`, :mod:`.solutions`) → files
(:mod:`.site`). A page of the handbook is a lesson with terms, questions and sources (:mod:`.handbook`,
:mod:`.questions`, :mod:`.bold`); all pages make the glossary (:mod:`.glossary`). What pages lack is found by
:mod:`.check` (:mod:`.rules`, :mod:`.figures`, :mod:`.links`, :mod:`.wording`). For tests: :mod:`.prove`
(variants to run), :mod:`.expected` and :mod:`.leaks`.
"""
