#!/bin/sh
# Prove that a bare Debian needs nothing but git, make and ca-certificates: bootstrap one into a folder, clone this
# checkout's HEAD there, and run the two commands of the README, each twice. Root and debootstrap are needed.
#
#   tests/clean_machine.sh [-s SUITE] [-m MIRROR] [-b PATH]… [-u USER] [-k] FOLDER [COMMAND]…
#
#   -s  Debian's release (bookworm)            -m  where debootstrap fetches it from
#   -b  a path of this machine to show inside, read-only, where it is here: package sources, certificates, wheels
#   -u  run as a user of that name with sudo, instead of root
#   -k  keep FOLDER's installed system if there is one (the checkout is always a new clone)
#   COMMAND  instead of 'make demo' and 'make test'
#
# It is not run in CI. A pivot_root is used, not a chroot: the kernel refuses user namespaces inside a chroot, and
# the sandbox needs them. PIP_*, *_proxy and certificate variables of the environment are passed on.
set -eu

suite=bookworm mirror=http://deb.debian.org/debian binds='' user=root keep=''
usage() { sed -n '5,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while getopts s:m:b:u:k option; do
    case $option in
    s) suite=$OPTARG ;;
    m) mirror=$OPTARG ;;
    b) binds="$binds $OPTARG" ;;
    u) user=$OPTARG ;;
    k) keep=1 ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || usage
folder=$1
shift
[ $# -gt 0 ] || set -- 'make demo' 'make test'
[ "$(id -u)" = 0 ] || { echo "clean_machine: expected to be root, found $(id -un)" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "clean_machine: apt-get install debootstrap" >&2; exit 2; }
checkout=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)

if [ -z "$keep" ] || [ ! -f "$folder/etc/debian_version" ]; then
    [ ! -e "$folder" ] || { echo "clean_machine: $folder is there already: remove it, or say -k" >&2; exit 2; }
    extra=git,make,ca-certificates
    [ "$user" = root ] || extra=$extra,sudo
    debootstrap --variant=minbase --include=$extra "$suite" "$folder" "$mirror"
fi
folder=$(cd "$folder" && pwd)
for file in /etc/resolv.conf /etc/hosts; do
    [ ! -f $file ] || cp -L $file "$folder$file"
done
home=/root
if [ "$user" != root ]; then
    home=/home/$user
    chroot "$folder" sh -c "id $user 2>/dev/null || useradd -m -s /bin/bash $user"
    echo "$user ALL=(ALL) NOPASSWD: ALL" >"$folder/etc/sudoers.d/$user"
fi
rm -rf "$folder$home/auton" "$folder/var/tmp/auton.git"
git clone -q --bare "$checkout" "$folder/var/tmp/auton.git"
{
    echo 'set -eu'
    env | grep -E '^(PIP_|SSL_CERT|REQUESTS_CA|CURL_CA|GIT_SSL|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)' |
        sed "s/'/'\\\\''/g; s/=/='/; s/\$/'/; s/^/export /"
    echo "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=$home CI=true"
    echo "cd $home"
    echo "git clone -q /var/tmp/auton.git auton"
    echo "cd auton"
    for command in "$@"; do
        for time in first second; do
            echo "echo; echo '=== $command, $time time'; start=\$(date +%s)"
            echo "$command </dev/null || { echo \"=== exit code \$?\"; exit 1; }"
            echo "echo \"=== $command, $time time: \$((\$(date +%s) - start)) s\""
        done
    done
} >"$folder/var/tmp/run.sh"
chmod 644 "$folder/var/tmp/run.sh"
chroot "$folder" chown -R "$user" /var/tmp/auton.git

# shellcheck disable=SC2016,SC2086
exec unshare --mount --pid --fork --propagation private sh -eu -c '
    folder=$1 user=$2
    shift 2
    mount --bind "$folder" "$folder"
    for path; do # shown where it is here, read-only
        [ -e "$path" ] || continue
        if [ -d "$path" ]; then mkdir -p "$folder$path"; else mkdir -p "$folder${path%/*}"; : >>"$folder$path"; fi
        mount --bind -o ro "$path" "$folder$path"
    done
    mount -t proc proc "$folder/proc"
    mount --rbind /sys "$folder/sys"
    mount --rbind /dev "$folder/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$folder/tmp"
    cd "$folder"
    pivot_root . .
    umount -l .
    cd /
    [ "$user" = root ] && exec sh /var/tmp/run.sh
    exec setpriv --reuid "$user" --regid "$user" --init-groups sh /var/tmp/run.sh
' sh "$folder" "$user" $binds
