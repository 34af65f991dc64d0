"""What is heavy is imported where it is used: the package and its help come at once."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "openai",
    "pdfplumber",
    "pydantic",
    "jsonschema",
    "tenacity",
    "re2",
    "rich",
    "charset_normalizer",
    "yaml",
    "psycopg",
    "filelock",
    "duckdb",
)
SEEN = f"import json; print(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))))"


def heavy_after(code):
    done = subprocess.run([sys.executable, "-c", f"import sys\n{code}\n{SEEN}"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_package_imports_nothing_heavy():
    assert heavy_after("import structurer") == []


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_imports_nothing_heavy(arguments):
    code = f"from structurer import cli\nsys.argv = ['structurer', *{arguments!r}]\ntry:\n    cli.main()\nexcept SystemExit:\n    pass"
    assert heavy_after(code) == []


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import structurer

    with pytest.raises(AttributeError, match="module 'structurer' has no attribute 'structre'"):
        structurer.structre  # noqa: B018


def test_structure_is_there_for_python_users():
    import structurer

    assert callable(structurer.structure)
