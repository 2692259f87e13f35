#!/usr/bin/env bash
# Installs npm's packages for the built edition into build/npm/, unless they are there as package-lock.json has them. Status 2 with
# the name of what is missing if that cannot be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

for tool in node:nodejs npm:npm; do
    command -v "${tool%:*}" >/dev/null || {
        echo "portlab: the built edition needs ${tool%:*}, of the package ${tool#*:}: apt-get install ${tool#*:}" >&2
        exit 2
    }
done
for file in package.json package-lock.json; do
    cmp -s tools/edition/$file build/npm/$file && [ -d build/npm/node_modules ] && continue
    mkdir -p build/npm
    cp tools/edition/package.json tools/edition/package-lock.json build/npm/
    echo "+ npm ci --prefix build/npm --ignore-scripts" >&2
    npm ci --prefix build/npm --ignore-scripts --no-audit --no-fund >&2 || {
        rm -f build/npm/package.json
        echo "portlab: the built edition needs these packages of npm, and they could not be installed (that takes a network):" \
            "$(sed -nE '/ependencies/,/\}/s/^ *"([a-z@][^"]*\/?[^"]*)": "[0-9].*/\1/p' tools/edition/package.json | tr '\n' ' ')" >&2
        exit 2
    }
    break
done
