# Run as `uv run just RECIPE`: just and all other tools are in the environment that uv creates.

set positional-arguments

# Without .pyc files every test process would compile all modules, for seconds.
export PYTHONDONTWRITEBYTECODE := ""

# List the recipes.
default:
    @just --list --unsorted

# Show the whole product with sample data on an embedded PostgreSQL.
demo *args:
    tickets demo "$@"

# Run all tests in parallel, or those named. Starts a throwaway PostgreSQL if a test needs one.
test *args:
    #!/bin/sh
    # A single file runs in one process: starting more takes longer than most files.
    case " $* " in
        *.py*) ;;
        *)
            set -- --numprocesses=logical --maxprocesses=8 \
                --dist=loadfile --no-loadscope-reorder "$@"
            ;;
    esac
    exec pytest "$@"

# Run the tests that need no database, browser or container. Takes seconds.
test-fast *args:
    TICKETS_TEST_POSTGRES=none just test -m 'not postgres and not command and not timeouts' \
        --ignore=tests/embedded_postgres --ignore=tests/packaging --ignore=tests/web "$@"

# Run all tests, or those named, and show which lines and branches of the service they run.
coverage *args:
    just test --cov "$@"

# Fuzz the API with Schemathesis for some minutes, to find undocumented responses.
fuzz examples="300":
    TICKETS_TEST_FUZZ={{ examples }} pytest tests/http/openapi/test_schemathesis.py -s

# Inject faults while clients write, count what is stored, and write the table in the docs.
faults *args:
    python -m scripts.faults "$@"

# Check the plan of every query with a million tickets; the tests do so with 60,000.
plans tickets="1000000":
    TICKETS_TEST_PLANS={{ tickets }} pytest tests/postgres/test_plans.py

# Check style, types, imports, lock files, generated documents and the pages.
check: check-lock check-docs check-pages
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

# Install Biome and TypeScript, unless the locked versions are installed.
[private]
page-tools:
    #!/bin/sh
    set -eu
    cd {{ page_tools }}
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent

# Write the generated documents, such as docs/openapi.json.
docs:
    python -m scripts.docs

# Check that the generated documents are up to date.
[private]
check-docs:
    python -m scripts.docs --check

# Fix what can be fixed automatically: style and format.
fmt: page-tools
    ruff check --fix
    ruff format
    npm --prefix {{ page_tools }} run --silent fmt

# Pin every dependency in the lock files and in pyproject.toml; `lock --upgrade` takes new releases.
lock *args:
    python -m scripts.lock "$@"

# Check that the lock files fit pyproject.toml. New releases do not matter.
[private]
check-lock:
    python -m scripts.lock --check

# Build the sdist and the wheel, in dist/.
wheel:
    uv build

# Migrate the schema of TICKETS_DATABASE_URL, or of the embedded PostgreSQL.
migrate *args:
    tickets migrate "$@"

# Measure the service and its rivals on an embedded PostgreSQL: 20 minutes, or two with --quick.
bench *args:
    uv run --group bench python -m benchmarks "$@"

# Measure the longest frame of the dashboards with 200 rows and 500 messages, in a real browser.
bench-web:
    python benchmarks/web_render.py

# Take the README's screenshots of both dashboards, from the demo.
screenshots:
    python -m scripts.screenshots
