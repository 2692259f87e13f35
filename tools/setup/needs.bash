# shellcheck shell=bash
# What Portlab needs of a machine, and how it comes there; the script portlab reads this file.

# For what (build; tests; loop: the student's commands; edition: the built book; grading), the thing and how to find it, the oldest version that does,
# its package's name by apt, dnf and brew, and what there is without it.
needs() {
    cat <<'TABLE'
build   command  c++                          12    g++            gcc-c++           -            nothing can be built
build   command  cmake                        3.25  cmake          cmake             cmake        nothing can be built
build   command  ninja                        -     ninja-build    ninja-build       ninja        nothing can be built
build   header   asio.hpp                     1.22  libasio-dev    asio-devel        asio         CMake fetches it
build   header   boost/property_tree/ptree.hpp 1.74  libboost-dev   boost-devel       boost        CMake fetches it (120 MB)
build   command  curl                         -     curl           curl              curl         the tour lacks its HTTP client
build   header   catch2/catch_test_macros.hpp 3.4   catch2         catch-devel       catch2       CMake fetches it
build   header   CLI/CLI.hpp                  2.1   libcli11-dev   cli11-devel       cli11        CMake fetches it
loop    command  git                          -     git            git               git          no ./portlab reset
loop    command  inotifywait                  -     inotify-tools  inotify-tools     -            watch polls, 4 times a second
tests   command  clang-format                 -     clang-format   clang-tools-extra clang-format the layout is not tested
tests   command  ss                           -     iproute2       iproute           -            its transcripts are not played
tests   command  foreman                      -     ruby-foreman   rubygem-foreman   -            its transcripts are not played
tests   command  strace                       -     strace         strace            -            its transcripts are not played
tests   command  tcpdump                      -     tcpdump        tcpdump           -            its transcript is not played
tests   command  patch                        -     patch          patch             gpatch       no wrong answer is judged
tests   command  python3                      3.9   python3        python3           python       scripts in Python, untested
tests   module   pyte                         -     python3-pyte   python3-pyte      -            watch on a terminal, untested
tests   command  aspell                       -     aspell         aspell            aspell       the spelling is not tested
tests   language en_GB                        -     aspell-en      aspell-en         aspell       the spelling is not tested
edition command  node                         18   nodejs         nodejs            node         no ./portlab book
edition command  npm                          -    npm            npm               node         no ./portlab book
edition command  chromium                     -    chromium       chromium          chromium     its pages are not tested
grading python   python3                      3.11  python3        python3           python       no grading
grading command  bwrap                        -     bubblewrap     bubblewrap        -            no grading in a sandbox
grading command  parallel                     -     parallel       parallel          parallel     no grading of many at once
TABLE
}

# A Python that has what grading/ uses, of 3.11: the first in PATH, or the system's own.
python_of_grading() {
    local python
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import tomllib' 2>/dev/null && echo "$python" && return
    done
    return 1
}

have() { # KIND NAME: a command; the Python of grading; a header; a module of Python; a language of aspell
    case $1 in
    command) command -v "$2" >/dev/null ;;
    python) python_of_grading >/dev/null ;;
    module) # of the first python3 in PATH, or of the system's own, for which its packages are
        "${3-python3}" -c "import $2" 2>/dev/null || { [ $# = 2 ] && have "$1" "$2" /usr/bin/python3; } ;;
    language) aspell dump dicts 2>/dev/null | grep -x "$2" >/dev/null ;;
    header) for directory in /usr/include /usr/local/include /opt/homebrew/include; do
        [ -e "$directory/$2" ] && return 0
    done; return 1 ;;
    esac
}

package_manager() { # apt, dnf or brew; nothing where there is none of these
    if command -v apt-get >/dev/null; then echo apt
    elif command -v dnf >/dev/null; then echo dnf
    elif command -v brew >/dev/null; then echo brew
    fi
}

missing_packages() { # apt|dnf|brew build|tests|grading: the packages of what is not there
    # shellcheck disable=SC2034
    needs | while read -r for_what kind name _ apt dnf brew _; do
        if [ "$for_what" = build ] || [ "$2" = tests ] || [ "$2" = "$for_what" ]; then
            have "$kind" "$name" || echo "${!1}"
        fi
    done | grep -vx -e - || true
}

# What stands before a command that needs root: nothing, or sudo, which may ask for a password only on a terminal.
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
    [ -t 0 ] || as_root+=(-n)
fi

# Debian 12 has Catch2 3 in its backports alone. They are asked for on the mirror that the machine already uses, with
# package lists in a directory of their own: the machine's package sources stay as they are.
install_backport() { # PACKAGE
    local release=$VERSION_CODENAME lists mirror
    mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$release" '$1 == release && $2 == "main" { print $3; exit }')
    [ -n "$mirror" ] || return 1
    lists=$(mktemp -d)
    chmod 755 "$lists"
    mkdir -p "$lists/state/partial"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s-backports main\n' "$mirror" "$release" \
        >"$lists/sources.list"
    local options=(-o "Dir::Etc::SourceList=$lists/sources.list" -o "Dir::Etc::SourceParts=/dev/null"
        -o "Dir::State::Lists=$lists/state")
    local status=0
    { show ${as_root[@]+"${as_root[@]}"} apt-get "${options[@]}" -o APT::Update::Error-Mode=any update -qq &&
        show ${as_root[@]+"${as_root[@]}"} apt-get "${options[@]}" install -y -qq --no-install-recommends -t "$release-backports" "$1"; } || status=1
    ${as_root[@]+"${as_root[@]}"} rm -rf "$lists"
    return $status
}

install_with_apt() {
    export DEBIAN_FRONTEND=noninteractive
    show ${as_root[@]+"${as_root[@]}"} apt-get -o APT::Update::Error-Mode=any update -qq || return 1
    local package ordinary=() backport=()
    for package in "$@"; do
        case $package:$(apt-cache policy "$package" | awk '/Candidate:/ { print $2 }') in
        catch2:[012].*) backport=(catch2) ;;
        *) ordinary+=("$package") ;;
        esac
    done
    if [ ${#ordinary[@]} -gt 0 ]; then
        show ${as_root[@]+"${as_root[@]}"} apt-get install -y -qq --no-install-recommends "${ordinary[@]}" || return 1
    fi
    if [ ${#backport[@]} -gt 0 ]; then
        install_backport "${backport[0]}" || return 1
    fi
}

set_up() { # build|tests|grading
    local packages manager install
    may_write
    manager=$(package_manager)
    case $manager in
    apt) install='apt-get install' ;;
    '') manager=apt install='your package manager; Debian names them' ;;
    *) install="$manager install" ;;
    esac
    packages=$(missing_packages "$manager" "$1" | tr '\n' ' ')
    if [ -n "$packages" ]; then
        say "portlab: to be installed, with $install: $packages"
        # shellcheck disable=SC1091
        VERSION_CODENAME=; [ ! -r /etc/os-release ] || . /etc/os-release
        # shellcheck disable=SC2086
        case $manager in
        apt) command -v apt-get >/dev/null && install_with_apt $packages ;;
        dnf) show ${as_root[@]+"${as_root[@]}"} dnf install -y $packages ;;
        brew) show brew install $packages ;;
        esac || stop "could not install them (that takes root or sudo, and a network). Have them installed, then ask again:
    $install $packages
    On Debian 12, catch2 comes from bookworm-backports.
    Or let CMake fetch Asio, Catch2, CLI11 and Boost: cmake --preset default (a compiler, CMake and Ninja must be there)."
    fi
    [ -f build/default/build.ninja ] || show cmake --preset default
}
