#!/bin/sh
# Install what AUTON needs and is not here yet: Debian packages through apt, then Python packages into .venv/.
#
#   sh setup.sh demo    what `auton run` and `auton verify` need
#   sh setup.sh slm     that, and the packages of the SLM pipeline
#   sh setup.sh test    that, and what the tests need
#
# Safe to run again at any time: what is there is kept, what is missing is fetched, and a run that was cut off goes
# on. It runs on Debian 12 and 13, Ubuntu 22.04 and 24.04, as root or with sudo; elsewhere it says what to install.
# A log of everything that apt and pip said is kept in .auton/setup.log.

set -eu
cd "$(dirname "$0")"
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

level=${1:-demo}
venv=.venv
log=.auton/setup.log
# Programs and the Debian packages that bring them.
programs="git:git clang:clang ld.lld:lld llvm-objcopy:llvm bwrap:bubblewrap qemu-system-x86_64:qemu-system-x86
qemu-system-aarch64:qemu-system-arm qemu-system-riscv64:qemu-system-misc"
# What only the tests need: they look at the kernels' disks and network with other people's tools.
test_programs="curl:curl ab:apache2-utils wrk:wrk dig:bind9-dnsutils mke2fs:e2fsprogs debugfs:e2fsprogs"
# And boot them as a PC's owner would: GRUB from a disk image, under BIOS and UEFI. The last three have no program to look for.
test_boot="grub-mkrescue:grub-common xorriso:xorriso mformat:mtools"
test_boot_files="/usr/lib/grub/i386-pc:grub-pc-bin /usr/lib/grub/x86_64-efi:grub-efi-amd64-bin /usr/share/OVMF:ovmf"

say() { printf 'setup: %s\n' "$1"; }

# fail MESSAGE WHAT-TO-DO: one clear line, what to do, exit code 3.
fail() {
    printf 'setup: error: %s\n  → %s\n' "$1" "$2" >&2
    exit 3
}

# explain WHAT: end with the likeliest cause found at the end of the log.
explain() {
    cause=$(tail -n 60 "$log" 2>/dev/null || true)
    for folder in . /var "${TMPDIR:-/tmp}"; do # a full disk also keeps the cause out of the log
        [ "$(megabytes "$folder")" -ge 20 ] || cause="No space left on device"
    done
    case $cause in
    *"No space left on device"* | *"enough free space"* | *"Errno 28"*)
        fail "$1 failed: the disk is full" "free some space (df -h . /tmp /var; TMPDIR=… moves pip's), then $again" ;;
    *"resolv"* | *"etwork is unreachable"* | *"onnection refused"* | *"onnection timed out"* | *"NewConnectionError"* | \
    *"ConnectTimeout"* | *"Failed to fetch"* | *"Unable to locate package"* | *"no installation candidate"*)
        fail "$1 failed: no package server can be reached" "check the network and the proxy (log: $log), then $again" ;;
    *"Could not get lock"*)
        fail "$1 failed: another program is installing packages" "wait until it has ended, then $again" ;;
    esac
    tail -n 5 "$log" >&2 || true
    fail "$1 failed" "see $log, then $again"
}

# megabytes FOLDER: what is free there.
megabytes() { df -Pm "$1" | awk 'NR == 2 { print $4 }'; }

# space MEGABYTES FOLDER: refuse early what can't end well.
space() {
    free=$(megabytes "$2")
    [ "$free" -ge "$1" ] || fail "expected $1 MB free at $2, found $free MB" "free some space, then $again"
}

python_is_new() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if path=$(command -v $name) && python_is_new "$path"; then
            echo "$path"
            return
        fi
    done
}

# Root's right, or nothing; `sudo` asks for a password only where somebody can answer.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo ${CI:+-n} "$@"
    fi
}

install_packages() {
    command -v apt-get >/dev/null ||
        fail "expected apt-get, found none; missing are: $*" "install these by the system's own means, then $again"
    if [ "$(id -u)" != 0 ] && ! { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }; then
        fail "missing packages, and neither root nor sudo is at hand" \
            "let an administrator type: apt-get install --no-install-recommends $*; then $again"
    fi
    space 1500 /var
    say "apt-get install $*"
    options="-qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3"
    as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >>"$log" 2>&1 || true
    as_root apt-get $options update >>"$log" 2>&1 || say "apt-get update had trouble; going on with what is known"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get $options install -y --no-install-recommends "$@" \
        >>"$log" 2>&1 </dev/null || explain "apt-get install"
}

system_packages() {
    want=
    [ "$level" != test ] || programs="$programs $test_programs $test_boot"
    [ "$level" != test ] || for pair in $test_boot_files; do
        [ -e "${pair%%:*}" ] || want="$want ${pair#*:}"
    done
    for pair in $programs; do
        PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || want="$want ${pair#*:}"
    done
    [ -s /etc/ssl/certs/ca-certificates.crt ] || want="$want ca-certificates"
    python=$(find_python)
    if [ -z "$python" ]; then
        want="$want python3 python3-venv"
        # Ubuntu 22.04's python3 is 3.10; it has 3.11 beside it.
        if command -v python3 >/dev/null; then want="${want% python3 python3-venv} python3.11 python3.11-venv"; fi
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        want="$want $(basename "$(readlink -f "$python")")-venv"
    fi
    if [ "$level" = test ]; then
        # The compiler's sanitizers and fuzzer come apart from it.
        runtime=$(clang --print-file-name=libclang_rt.fuzzer-$(uname -m).a 2>/dev/null || true)
        [ -f "${runtime:-none}" ] || want="$want libclang-rt-dev"
        # The tests of the pages drive a real browser. Ubuntu has it as a snap, which can't be installed everywhere.
        if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
            if grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null; then
                say "note: put chromium and chromedriver on PATH for the tests of the pages (snap install chromium)"
            else
                want="$want chromium chromium-driver"
            fi
        fi
    fi
    # shellcheck disable=SC2086
    [ -z "$want" ] || install_packages $want
    python=$(find_python)
    [ -n "$python" ] || fail "expected Python 3.11 or newer, found $(python3 --version 2>&1 || echo none)" \
        "install one, so that python3.11 (or newer) is on PATH, then $again"
}

# Ubuntu 24.04 forbids user namespaces to all but the programs that AppArmor knows: let it know bubblewrap, and no
# other. Elsewhere a sandbox that doesn't work is only noted; `auton doctor` says why.
sandbox_works() { bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev true 2>>"$log"; }
sandbox() {
    if sandbox_works; then return; fi
    if command -v apparmor_parser >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
        profile=/etc/apparmor.d/auton-bwrap
        say "allowing bubblewrap to make user namespaces ($profile)"
        printf '%s\n' 'abi <abi/4.0>,' 'include <tunables/global>' \
            'profile auton-bwrap /usr/bin/bwrap flags=(unconfined) {' '  userns,' '}' |
            as_root tee "$profile" >/dev/null && as_root apparmor_parser -r "$profile" >>"$log" 2>&1 || true
        if sandbox_works; then return; fi
    fi
    say "note: bubblewrap can't make a sandbox here; .venv/bin/auton doctor will say why"
}

python_packages() {
    if ! "$venv/bin/python" -c 'import sys' 2>/dev/null || ! python_is_new "$venv/bin/python"; then
        space 1200 .
        say "making $venv with $("$python" --version)"
        "$python" -m venv --clear "$venv" >>"$log" 2>&1 || explain "making $venv"
    fi
    "$venv/bin/python" -c 'import pip' 2>/dev/null ||
        "$venv/bin/python" -m ensurepip >>"$log" 2>&1 || explain "installing pip"
    extras=
    case $level in test) extras='[test,slm]' ;; slm) extras='[slm]' ;; esac
    say "pip install .$extras (a few minutes the first time)"
    pip="$venv/bin/python -m pip install -q -c constraints.txt"
    # setuptools first: an isolated build would fetch one that is not pinned.
    # shellcheck disable=SC2086
    { $pip setuptools && $pip --no-build-isolation -e ".$extras"; } >>"$log" 2>&1 || explain "pip install"
    "$venv/bin/python" -m compileall -q bot >>"$log" 2>&1 || explain "compiling bot/" # pip did it for all the others
}

case $level in
demo | test) again="run 'make $level' again: it goes on from here" ;;
slm) again="run 'make setup-slm' again: it goes on from here" ;;
*) printf 'usage: sh setup.sh demo|slm|test\n' >&2; exit 2 ;;
esac
mkdir -p .auton 2>/dev/null && : >>"$log" ||
    fail "can't write $PWD/$log" "free some space, or check who owns this folder, then $again"
: >"$log"
started=$(date +%s)
system_packages
sandbox
python_packages
case $level in slm) touch "$venv/.ready-slm" ;; test) touch "$venv/.ready-slm" "$venv/.ready-test" ;; esac
touch "$venv/.ready-demo"
say "ready in $(($(date +%s) - started)) s"
