# QEMU's virt board with a GICv2 and nothing that is not needed; semihosting gives the exit status.
qemu=qemu-system-aarch64
image=kernel.img
machine="-M virt,gic-version=2,its=off,acpi=off,highmem=off -cpu cortex-a72
    -global virtio-mmio.force-legacy=false -semihosting-config enable=on,target=native"
