# How to boot: MACHINE says on what. isa-debug-exit gives the exit status (value << 1 | 1).
#   microvm            the least hardware that boots an ELF by PVH; the PIT calibrates the TSC. The default.
#   q35                a whole PC: ACPI and PCI. The default when TRANSPORT is pci
#   iso, iso-uefi      that PC with GRUB from auton.iso (make iso), under SeaBIOS or OVMF
qemu=qemu-system-x86_64
debug_exit="-device isa-debug-exit,iobase=0xf4,iosize=4"
q35="-M q35,smbus=off,sata=off,usb=off,vmport=off,hpet=off -cpu max $debug_exit"
[ "${TRANSPORT-}" != pci ] || MACHINE=${MACHINE:-q35}
[ "${MACHINE:-microvm}" = microvm ] || transport=pci
case ${MACHINE:-microvm} in
microvm)
    machine="-M microvm,acpi=off,pit=on,pic=off,rtc=on,isa-serial=on,auto-kernel-cmdline=on -cpu max $debug_exit
        -global virtio-mmio.force-legacy=false" ;;
q35)
    machine=$q35 ;;
iso | iso-uefi)
    image=auton.iso
    load="-cdrom"
    machine="-M q35 -cpu max $debug_exit"
    for firmware in /usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_CODE_4M.fd; do # as the release has it
        [ ! -f $firmware ] || break
    done
    [ "$MACHINE" = iso ] || machine="$machine -drive if=pflash,format=raw,readonly=on,file=$firmware" ;;
*)
    echo "boot: expected MACHINE to be microvm, q35, iso or iso-uefi, found '$MACHINE'" >&2
    exit 2 ;;
esac
