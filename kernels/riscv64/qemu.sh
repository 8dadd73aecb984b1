# QEMU's virt board; OpenSBI, which QEMU brings along, enters the kernel. sifive_test gives the exit status.
qemu=qemu-system-riscv64
machine="-M virt -cpu rv64 -global virtio-mmio.force-legacy=false"
