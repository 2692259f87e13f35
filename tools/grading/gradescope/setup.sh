#!/usr/bin/env bash
# Gradescope runs this once, as root, when it makes the image: it installs what grading needs, and builds the judges.
# Choose Ubuntu 24.04 or newer for the image: Python 3.11 and CMake 3.25 are needed.
set -euo pipefail
source=${AUTOGRADER:-/autograder}/source

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
    ca-certificates catch2 cmake curl g++ libasio-dev libboost-dev libcli11-dev ninja-build parallel python3 util-linux

# Who hands in nothing shows that grading works, and leaves all of it built.
cd "$source/portlab"
mkdir -p "$source/nobody"
bash "$source/grade" "$source/nobody" "$source/trial"
rm -rf "$source/nobody" "$source/trial"

# A student's program is compiled and run by another user, to whom the judges are no business.
chmod 700 tests build/*/tests
[ ! -d "$source/overlay" ] || chmod 700 "$source/overlay/tests"
