"""The operator's command line, installed by `pip install .`; never packaged for Lambda."""
