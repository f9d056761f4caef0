#!/usr/bin/env bash
# Drives a running server with clients that nobody here wrote: run.sh URL. Exits with 1 if anything failed.
set -uo pipefail
cd "$(dirname "$0")"
export CLEARLEAD_URL="${1:?the URL of a running server, such as http://127.0.0.1:8080}"

passed=0 failed=0 skipped=0

skip() {
  if [ -n "${CI:-}" ]; then
    echo "FAILED $1: $2"; failed=$((failed + 1))
  else
    echo "SKIPPED $1: $2"; skipped=$((skipped + 1))
  fi
}

count() {
  local output
  output=$("$@" 2>&1)
  printf '%s\n' "$output" | grep -v '^TOTAL '
  if [[ "$output" =~ TOTAL\ ([0-9]+)\ ([0-9]+) ]]; then
    passed=$((passed + BASH_REMATCH[1])); failed=$((failed + BASH_REMATCH[2]))
  else
    echo "FAILED $*: it broke off"; failed=$((failed + 1))
  fi
}

if ! command -v node >/dev/null; then
  skip "the npm clients" "there is no Node.js"
elif ! npm ci --no-audit --no-fund --silent >/dev/null 2>&1; then
  skip "the npm clients" "npm could not install them"
else
  for script in audit ws sse apollo urql relay inspector lint certificate; do count node "$script.mjs"; done
fi

if ! command -v python3 >/dev/null; then
  skip "the Python clients" "there is no Python"
elif ! { [ -d .venv ] || python3 -m venv .venv; } >/dev/null 2>&1 || ! .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt >/dev/null 2>&1; then
  skip "the Python clients" "pip could not install them"
else
  for script in client certificate; do count .venv/bin/python "$script.py"; done
fi

[ "$skipped" -eq 0 ] || echo "$skipped skipped, for the reasons above"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
