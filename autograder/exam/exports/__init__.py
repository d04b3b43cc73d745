"""The question bank in the forms of other programs: Anki, Moodle, spreadsheets, paper.

Each export is a pure function from :class:`.sections.Section` to bytes, the same bytes at every run.
"""
