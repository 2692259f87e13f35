#!/usr/bin/env bash
# edition_test.sh CASE [ARGUMENT]: runs a case of edition_test.mjs, if there is Node and npm's packages are installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v node >/dev/null || { echo 'needs node'; exit 77; }
for file in package.json package-lock.json; do
    cmp -s tools/edition/$file build/npm/$file || { echo 'needs npm'"'"'s packages: ./portlab book installs them'; exit 77; }
done
exec node tests/edition/edition_test.mjs "$@"
