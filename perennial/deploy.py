"""Deploys a stack from a clone of the repository: asks for parameters the first time alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from perennial.installation import OperateError


def exists(stack: str) -> bool:
    """Tells whether there is such a stack that was deployed to its end."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return False
        raise
    return found["StackStatus"] not in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"}


def command(stack: str, parameters: Path | None, *, known: bool) -> list[str]:
    """Returns the make target with its variables: a stack that is there, and one whose parameters
    are in a file, are asked nothing."""
    guided = "" if known or parameters else "--guided"
    file = [] if parameters is None else [f"PARAMETERS={parameters.resolve()}"]
    return ["make", "deploy", f"STACK_NAME={stack}", f"GUIDED={guided}", *file]


def deploy(folder: Path, stack: str, parameters: Path | None) -> int:
    """Builds and deploys what is in a clone; returns the exit code of what it ran.

    Raises `OperateError` where there is nothing to deploy.
    """
    for needed in (folder / "template.yaml", folder / "Makefile"):
        if not needed.is_file():
            raise OperateError(f"there is no {needed.name} in {folder}: run it in a clone")
    if parameters is not None and parameters.suffix not in {".yaml", ".yml", ".toml"}:
        raise OperateError("--parameters is a file that ends with .yaml or .toml")
    if parameters is not None and not parameters.is_file():
        raise OperateError(f"there is no file {parameters}")
    asked = command(stack, parameters, known=parameters is not None or exists(stack))
    sys.stdout.write(f"{' '.join(asked)}\n")
    sys.stdout.flush()
    return subprocess.run(asked, cwd=folder, check=False).returncode  # noqa: S603  # nosec B603
