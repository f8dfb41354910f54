#!/usr/bin/env bash
# Boots Debian's kernel in QEMU, because it has what this machine's kernel may lack (IPVS, ipip, gre, wireguard,
# ipvlan …), and runs the scenarios in it. The guest lives in memory, has no network, and writes into target/vm/out.
#
#   record.sh [SCENARIO-PART]...    only the scenarios of these names, or whose names contain one of these
#   record.sh --sh COMMAND          run a command in the guest and nothing else
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../target/vm
mkdir -p "$work/deb"
work=$(cd "$work" && pwd)
root=$work/root
captures=$here/../captures/vm
mkdir -p "$captures"
python=/usr/bin/python3
[ -x $python ] || { echo "there is no $python: install Debian's python3" >&2 && exit 1; }

# Packages that are not installed here are unpacked below target/ and never installed.
unpack() {
    local kernel needed
    kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
    needed=$(apt-get install --print-uris --yes --no-install-recommends \
        qemu-system-x86 ipvsadm wireguard-tools tcpdump busybox-static |
        sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p")
    # shellcheck disable=SC2086 # a list of packages
    (cd "$work/deb" && apt-get -o APT::Sandbox::User=root download --quiet=2 $kernel $needed)
    rm -rf "$root" && mkdir "$root"
    for package in "$work"/deb/*.deb; do dpkg-deb --extract "$package" "$root"; done
}
ls "$root"/boot/vmlinuz-* >/dev/null 2>&1 || unpack

kernel=$(echo "$root"/boot/vmlinuz-*)
version=${kernel##*/vmlinuz-}
busybox=$root/bin/busybox
[ -e "$root/lib/modules/$version/modules.dep" ] || "$busybox" depmod -b "$root" "$version"

# What the guest has: the tools, Python, the modules that lab.py loads and what each of them needs.
tools="ip bridge ss nft xtables-nft-multi ipset ipvsadm wg tcpdump"
in_root() { # a path of this machine or of the unpacked packages
    if [ -e "$1" ]; then echo "$1"; else echo "$root$1"; fi
}
find_tool() {
    local folder
    for folder in /usr/sbin /usr/bin /sbin /bin; do
        folder=$(in_root "$folder/$1")
        [ -e "$folder" ] && echo "$folder" && return
    done
    echo "there is no $1" >&2 && return 1
}

base() {
    local tree=$work/initramfs tool file module
    local libraries=$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,dev,etc,proc,sys,run/netns,tmp,lib64,lab,out,"lib/modules/$version",usr/lib/x86_64-linux-gnu}
    ln -s bin "$tree/sbin"
    ln -s usr/lib/x86_64-linux-gnu "$tree/lib/x86_64-linux-gnu" 2>/dev/null || true
    rm -rf "$tree/lib/x86_64-linux-gnu" && ln -s ../usr/lib/x86_64-linux-gnu "$tree/lib/x86_64-linux-gnu"
    cp "$busybox" "$tree/bin/busybox"
    for tool in modprobe mount cat date sleep uname dmesg; do ln -s busybox "$tree/bin/$tool"; done
    for tool in $tools; do cp -L "$(find_tool "$tool")" "$tree/bin/"; done
    for tool in iptables ip6tables; do
        for file in nft nft-save nft-restore; do ln -s xtables-nft-multi "$tree/bin/$tool-$file"; done
    done
    cp -L /bin/dash "$tree/bin/sh"
    cp -L $python "$tree/bin/python3"
    local stdlib
    stdlib=$($python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    mkdir -p "$tree$stdlib"
    tar -C "$stdlib" --exclude=test --exclude=idlelib --exclude=lib2to3 --exclude=distutils --exclude=ensurepip \
        --exclude='config-*' --exclude=dist-packages --exclude=__phello__ -c . | tar -C "$tree$stdlib" -x
    cp -r /usr/lib/x86_64-linux-gnu/xtables "$tree/usr/lib/x86_64-linux-gnu/"
    cp -r /etc/iproute2 "$tree/etc/"
    cp /etc/protocols /etc/services "$tree/etc/"
    cp /etc/ethertypes "$tree/etc/" 2>/dev/null || true
    # The programs' libraries, and those of the plug-ins that need more than the C library.
    { LD_LIBRARY_PATH=$libraries ldd "$tree"/bin/* "$tree$stdlib"/lib-dynload/_ctypes.* \
        "$tree"/usr/lib/x86_64-linux-gnu/xtables/libxt_conntrack.so 2>/dev/null || true; } | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | sort -u |
        xargs cp -Lt "$tree/usr/lib/x86_64-linux-gnu/"
    cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
    for module in $($python "$here/lab.py" --modules) virtio_pci 9pnet_virtio 9p; do
        file=$(grep -E "/$module\.ko:" "$root/lib/modules/$version/modules.dep")
        for file in ${file/:/}; do
            mkdir -p "$tree/lib/modules/$version/${file%/*}"
            cp "$root/lib/modules/$version/$file" "$tree/lib/modules/$version/$file"
        done
    done
    cp "$root/lib/modules/$version/modules.dep" "$tree/lib/modules/$version/"
    cat >"$tree/init" <<END
#!/bin/busybox sh
export HOME=/tmp PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8 PATH=/bin PYTHONHOME=${stdlib%/lib/*}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run && busybox mkdir /run/netns
mount -t tmpfs tmpfs /tmp
for module in virtio_pci 9pnet_virtio 9p; do modprobe \$module; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 out /out
cd /lab && . ./command
busybox poweroff -f
END
    chmod +x "$tree/init"
    (cd "$tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$work/base.cpio.new"
    mv "$work/base.cpio.new" "$work/base.cpio"
}

initramfs() { # the base, which changes rarely, and the scenarios
    if [ "$here/record.sh" -nt "$work/base.cpio" ] || [ "$here/lab.py" -nt "$work/base.cpio" ]; then base; fi
    local tree=$work/scenarios
    rm -rf "$tree" && mkdir -p "$tree/lab"
    cp -r "$here"/*.py "$here/scenarios" "$tree/lab/"
    printf '%s\n' "$command" >"$tree/lab/command"
    { cat "$work/base.cpio" && cd "$tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null; } >"$work/initramfs.cpio"
}

if [ "${1-}" = --sh ]; then
    command=$2
else
    command="python3 -u lab.py $*"
fi
initramfs
rm -rf "$work/out" && mkdir "$work/out"

# Time is what the guest's instructions take: waiting costs nothing, and a busy machine changes no outcome. (Not KVM,
# for the same reason.)
libraries=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$libraries "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" \
    -machine pc,accel=tcg -cpu Nehalem -icount shift=1,sleep=off -rtc clock=vm -m 2048 -nodefaults -no-user-config -display none -net none -no-reboot \
    -serial stdio -kernel "$kernel" -initrd "$work/initramfs.cpio" \
    -append 'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off init_on_alloc=0 apparmor=0 audit=0 randomize_kstack_offset=off' \
    -virtfs local,path="$work/out",mount_tag=out,security_model=none </dev/null

for archive in "$work"/out/*.tar; do
    [ -e "$archive" ] || continue
    name=$(basename "$archive" .tar)
    rm -rf "${captures:?}/$name"
    tar -x -C "$captures" --no-same-owner --touch -f "$archive"
    rm "$archive"
done
