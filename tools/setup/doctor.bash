# shellcheck shell=bash
# What ./portlab doctor prints; the script portlab reads this file, after tools/setup/needs.bash. It only looks.

green='' red='' yellow='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
    green=$'\033[32m' red=$'\033[31m' yellow=$'\033[33m' plain=$'\033[0m'
fi
case ${LC_ALL:-${LC_CTYPE:-${LANG-}}} in
*UTF-8 | *utf8 | *UTF8 | *utf-8) yes=✓ no=✗ ;;
*) yes=+ no=x ;;
esac

version_in() { # TEXT: the first number with dots in it, or one of four digits or more
    local text=${1#*really } # aspell begins with the version of what it replaces
    if [[ $text =~ [0-9]+(\.[0-9]+)+ ]] || [[ $text =~ [0-9]{4,} ]]; then echo "${BASH_REMATCH[0]}"; fi
}

packaged() { # PACKAGE: its version
    case $(package_manager) in
    apt) dpkg-query -W -f '${Version}' "$1" ;;
    dnf) rpm -q --qf '%{VERSION}' "$1" ;;
    brew) brew list --versions "$1" ;;
    esac
}

version_of() { # KIND NAME PACKAGE: what it says itself, or what the package manager says; nothing where both are silent
    local version=''
    if [ "$1" = command ]; then version=$(version_in "$({ "$2" --version || "$2" -V; } 2>/dev/null </dev/null | head -n 1)"); fi
    [ -n "$version" ] || version=$(version_in "$(packaged "$3" 2>/dev/null)")
    echo "$version"
}

older() { # VERSION LEAST: by their first two numbers
    local version least IFS=.
    read -r -a version <<<"$1"
    read -r -a least <<<"$2"
    ((10#${version[0]} < 10#${least[0]} || (10#${version[0]} == 10#${least[0]} && 10#${version[1]-0} < 10#${least[1]-0})))
}

good() { printf '  %s%s%s %s\n' "$green" $yes "$plain" "$1"; }
bad() { printf '  %s%s%s %s\n' "$red" $no "$plain" "$1"; }
fact() { printf '  %s-%s %s\n' "$yellow" "$plain" "$1"; }

check_needs() { # GROUP: a line each; status 1 where something is missing or too old
    local manager for_what kind name least apt dnf brew package lost shown version status=0
    manager=$(package_manager)
    # shellcheck disable=SC2034
    while read -r for_what kind name least apt dnf brew lost; do
        [ "$for_what" = "$1" ] || continue
        package=${manager:-apt} package=${!package}
        shown=${name%%/*}
        if [ "$kind" = python ]; then # one that is too old is not what is wanted, and it is there
            name=$(python_of_grading || command -v python3) && kind="command"
            shown=python3
        fi
        if ! have "$kind" "$name"; then
            bad "$(printf '%-13s%-12s%-18s%s' "$shown" missing "$package" "$lost")"
            status=1
            continue
        fi
        version=$(version_of "$kind" "$name" "$package")
        if [ "$least" != - ] && [ -n "$version" ] && older "$version" "$least"; then
            bad "$(printf '%-13s%-12s%-18s%s' "$shown" "$version" "$package" "$least or newer is needed")"
            status=1
        else
            good "$(printf '%-13s%-11s %s' "$shown" "${version:--}" "$package")"
        fi
    done < <(needs)
    return $status
}

# As the tests make one: with root's rights, or a user's own; and it must let its own settings be written.
private_network() {
    local set_port='echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
    unshare -n sh -c "$set_port" || unshare -rn sh -c "$set_port"
} 2>/dev/null

check_system() {
    local kernel release
    kernel=$(uname -s) release=$(uname -r)
    if [ "$kernel" != Linux ]; then
        bad "$kernel $release: what reads the kernel's tables is skipped, as on any system but Linux"
    elif older "$(version_in "$release")" 6.8; then
        bad "Linux $release: ports held by a TCP socket that only is bound have no"
        printf '    visible holder before 6.8; ./portlab who and a few tests say less\n'
    else
        good "Linux $release: shows TCP sockets that are bound and do not listen"
    fi
    if ! command -v unshare >/dev/null; then
        bad 'network namespaces: unshare (of util-linux), which would tell, is missing'
    elif private_network; then
        good 'network namespaces: tests have ports 80, 25 and 8080 to themselves'
    else
        bad 'network namespaces cannot be made: tests that need a port or a setting of'
        printf '    their own are skipped; predict and the judges use the machine'\''s network\n'
    fi
    if (exec 3<>/dev/udp/::1/9) 2>/dev/null; then
        good 'IPv6 on loopback'
    else
        bad 'no IPv6 on loopback: tests of IPv6 are skipped, and checks of the exercises'
        printf '    four_sockets, inherited_socket and both_families are not tried\n'
    fi
    [ "$kernel" = Linux ] || return 0
    local first low='' high='' capabilities
    read -r first 2>/dev/null </proc/sys/net/ipv4/ip_unprivileged_port_start || first=1024
    read -r low high 2>/dev/null </proc/sys/net/ipv4/ip_local_port_range || low=''
    capabilities=$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)
    if ((0x${capabilities:-0} >> 10 & 1)); then # CAP_NET_BIND_SERVICE, capabilities(7)
        good 'ports: every one may be bound, with the rights that you have now'
    elif [ "$first" = 0 ]; then
        good 'ports: every one may be bound'
    else
        fact "ports from $first on may be bound; below it EACCES, unless you are root"
    fi
    [ -z "$low" ] || fact "the kernel chooses ports from $low to $high (net.ipv4.ip_local_port_range)"
}

doctor() {
    local status=0
    echo 'To build and run:'
    check_needs build || status=1
    echo 'For the commands of the exercises:'
    check_needs loop || true
    echo 'For some tests, which are skipped without it:'
    check_needs tests || true
    echo 'For the built edition:'
    check_needs edition || true
    echo "For instructors:"
    check_needs grading || true
    echo 'The system:'
    check_system
    echo
    if [ $status = 0 ]; then
        echo 'Everything is there that building needs.'
    else
        echo 'Building needs more: ./portlab tour installs it, and says so first.'
    fi
    return $status
}
