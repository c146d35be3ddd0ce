# Nothing to do before the files come.
:
