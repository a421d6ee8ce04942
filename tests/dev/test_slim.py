"""Slimming the layer leaves all that functions need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import babel
import botocore
import pytest

from billing.kernel.countries import COUNTRIES
from billing.render.messages import LANGUAGES, locale
from dev import slim
from dev.expand import ROOT


def test_every_service_that_a_function_calls_is_kept() -> None:
    source = (path.read_text() for path in (ROOT / "layers/common/billing").rglob("*.py"))
    called = {name for text in source for name in re.findall(r'boto3\.client\("(\w+)"', text)}
    assert {"s3", "sqs"} <= called <= slim.SERVICES
    assert "dynamodb" in slim.SERVICES, "PynamoDB makes its own client"


def test_other_services_are_removed(tmp_path: Path) -> None:
    for name in ("dynamodb", "ec2"):
        (tmp_path / name).mkdir()
    (tmp_path / "endpoints.json").touch()
    slim.services(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"dynamodb", "endpoints.json"}
    assert all((Path(botocore.__file__).parent / "data" / name).is_dir() for name in slim.SERVICES)


def test_every_language_formats_alike_with_the_locales_that_are_left(tmp_path: Path) -> None:
    package = Path(babel.__file__).parent
    shutil.copytree(package, tmp_path / "babel")
    slim.locales(tmp_path / "babel" / "locale-data")
    program = (
        "from billing.render import formats, messages\n"
        "from billing.kernel.countries import COUNTRIES\n"
        "from billing.kernel.money import Currency, Money\n"
        "from billing.kernel.periods import Span, Unit\n"
        "from datetime import datetime, UTC\n"
        "import babel, sys\n"
        "at = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)\n"
        "for each in sorted(messages.LANGUAGES):\n"
        "    print(each, formats.day(at, 'Europe/Paris', each), formats.moment(at, 'UTC', each))\n"
        "    print([formats.money(Money(299900, one), each) for one in Currency])\n"
        "    print([formats.country(one, each) for one in sorted(COUNTRIES)])\n"
        "    print(formats.month('2026-03', each), formats.span(Span(2, Unit.MONTH), each))\n"
        "print('babel', babel.__file__, file=sys.stderr)\n"
    )

    def printed(*first: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": ":".join([*first, str(ROOT / "layers/common")])},
        )
        return done.stdout, done.stderr

    whole, _ = printed()
    slimmed, where = printed(str(tmp_path))
    assert str(tmp_path) in where
    assert slimmed == whole
    assert {locale(each).language for each in LANGUAGES} <= slim.LOCALES
    assert len(COUNTRIES) > 200


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="typst's library is ELF on Linux")
def test_a_library_without_its_symbol_names_typesets(tmp_path: Path) -> None:
    spec = find_spec("typst")
    assert spec and spec.origin
    shutil.copytree(Path(spec.origin).parent, tmp_path / "typst")
    (library,) = (tmp_path / "typst").glob("*.so")
    before = library.stat().st_size
    slim.without_symbol_names(library)
    assert library.stat().st_size < before * 0.9
    program = "import typst; print(typst.__file__, typst.compile(b'Hello')[:5])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert str(tmp_path) in done.stdout and "%PDF-" in done.stdout
