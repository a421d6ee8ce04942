"""`make emulate`: the template deployed as it is, by the SAM command line, to an emulated AWS.

`aws.py` and `clock/` run with the runtime's own Python (`.venv-lambda`); `limits.py`
says what is not shown there. tests/emulated/ deploys and asserts.
"""
