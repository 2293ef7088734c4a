# Run as `uv run just RECIPE`: just itself and every tool below are in the environment that uv makes.

set positional-arguments

# List the recipes.
default:
    @just --list --unsorted

# Show the whole product with sample data on a PostgreSQL of its own.
demo *args:
    tickets demo "$@"

# Run the tests, or those named: they find a container engine or else start the embedded PostgreSQL, and say which.
test *args:
    pytest "$@"

# Let Schemathesis look for requests that get an answer which the API's document does not allow, at random, for minutes.
fuzz examples="300":
    TICKETS_TEST_FUZZ={{ examples }} pytest tests/http/test_schema.py -s

# Break PostgreSQL and the service in every way while clients write, and count afterwards; `faults --short` takes a minute.
faults *args:
    python -m scripts.faults "$@"

# Look at the plan of every query with a million tickets; the tests do so with 60,000.
plans tickets="1000000":
    TICKETS_TEST_PLANS={{ tickets }} pytest tests/postgres/test_plans.py

# Check style, types, the direction of imports, the lock file, and the pages' code.
check: check-lock check-pages
    ruff check
    ruff format --check
    mypy
    lint-imports

# Check the pages' JavaScript and CSS (style, format, types), and run their unit tests.
[private]
check-pages: page-tools
    npm --prefix {{ page_tools }} run --silent check
    node --test tests/web/unit/*.test.mjs

page_tools := "tests/web/tools"

# Install Biome and TypeScript, unless the lock file's versions are there already.
[private]
page-tools:
    #!/bin/sh
    set -eu
    cd {{ page_tools }}
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent

# Put right what can be put right by itself.
fmt: page-tools
    ruff check --fix
    ruff format
    npm --prefix {{ page_tools }} run --silent fmt

compile := "uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --custom-compile-command 'just lock' --quiet"

# Bring requirements.lock in line with pyproject.toml; `lock --upgrade` also takes what has been released since.
lock *args:
    {{ compile }} --output-file requirements.lock "$@"

# Check that requirements.lock is in line with pyproject.toml; newer releases do not matter.
check-lock:
    #!/bin/sh
    set -eu
    copy=$(mktemp)
    trap 'rm -f "$copy"' EXIT
    # what is pinned there stays, where it still fits
    cp requirements.lock "$copy"
    {{ compile }} --output-file "$copy"
    # the comments are uv's, and may be worded otherwise by another version of it
    diff -u -I '^ *#' requirements.lock "$copy" || {
        echo "requirements.lock is not in line with pyproject.toml: uv run just lock" >&2
        exit 1
    }

# Build the sdist and the wheel, in dist/.
wheel:
    uv build

# Bring the schema of TICKETS_DATABASE_URL, or of the embedded PostgreSQL, up to date.
migrate *args:
    tickets migrate "$@"

# Measure the service beside its rivals, on a PostgreSQL of its own: 20 minutes, or two with --quick.
bench *args:
    uv run --group bench python -m benchmarks "$@"

# Measure the longest frame of the dashboards with 200 rows and 500 messages, in a real browser.
bench-web:
    python benchmarks/web_render.py

# Take the README's pictures of both dashboards anew, from the demo.
screenshots:
    python -m scripts.screenshots
