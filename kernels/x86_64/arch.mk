# x86_64: an ELF64 with a PVH note, booted as it is. Interrupt handlers do not save vector registers, so no code but
# the SLM engine's may use them; the red zone would be overwritten by interrupts.
TARGET := x86_64-unknown-none-elf
GNU_PREFIX :=
ARCH_CFLAGS := -mno-red-zone -mcmodel=small -mgeneral-regs-only -mstack-protector-guard=global
ARCH_GCC_FLAGS := -fcf-protection=none

# A disk image that GRUB boots under BIOS and UEFI, its command line being CMDLINE and INITRD its module: needs grub-mkrescue, xorriso and mtools.
.PHONY: iso
iso: $(OUT)/auton.iso
$(OUT)/grub.cfg: FORCE
	@sed 's|@CMDLINE@|$(CMDLINE)|;s|@MODULE@|$(if $(INITRD),module2 /boot/initrd)|' $(ARCH)/grub.cfg > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(OUT)/auton.iso: $(OUT)/kernel.elf $(OUT)/grub.cfg $(INITRD)
	$(call say,ISO,$@)rm -rf $(OUT)/iso
	@mkdir -p $(OUT)/iso/boot/grub
	@cp $(OUT)/grub.cfg $(OUT)/iso/boot/grub/grub.cfg
	$(if $(INITRD),@cp $(INITRD) $(OUT)/iso/boot/initrd)
	@llvm-strip -g -o $(OUT)/iso/boot/auton.elf $<
	@grub-mkrescue -o $@ $(OUT)/iso 2>$(OUT)/iso.log || { cat $(OUT)/iso.log >&2; exit 1; }
