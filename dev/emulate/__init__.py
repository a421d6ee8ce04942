"""`make emulate`: the template deployed as it is, by the SAM command line, to an emulated AWS.

`aws.py` and `clock/` run in the emulator's own environment (`.venv-emulate`, the runtime's Python);
`limits.py` says what is not shown there. tests/emulated/ deploys and asserts.
"""
