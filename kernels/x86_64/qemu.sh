# QEMU's microvm: the least hardware that boots an ELF by PVH. The PIT calibrates the TSC; isa-debug-exit gives
# the exit status (value << 1 | 1).
qemu=qemu-system-x86_64
machine="-M microvm,acpi=off,pit=on,pic=off,rtc=off,isa-serial=on,auto-kernel-cmdline=on -cpu max
    -global virtio-mmio.force-legacy=false -device isa-debug-exit,iobase=0xf4,iosize=4"
