/* What the grammar knows and this kernel has nothing for: one honest line each, with what can be done instead. */
#include "action.h"

CANNOT(INSTALL_CONFIGURE, mtu, "This machine can't change the size of its packets: it is always 1,500 bytes. Type: what is my ip");
CANNOT(INSTALL_CONFIGURE, wifi, "This machine can't use wireless networks, only its cable. Type: what is my ip");
CANNOT(INSTALL_CONFIGURE, firewall, "This machine has no firewall: what serves nothing is closed. Type: show open connections");
CANNOT(INSTALL_CONFIGURE, partition, "This machine can't divide disks: it uses a whole one. Type: format disk0, or: mount disk0 on /mnt");
CANNOT(INSTALL_CONFIGURE, encrypt, "This machine can't encrypt disks. Type: mount disk0 on /mnt");
CANNOT(INSTALL_CONFIGURE, resize, "This machine can't resize file systems: one takes its whole disk. Type: how much disk space is left");
CANNOT(INSTALL_CONFIGURE, swap, "This machine has no swap space: memory is all there is. Type: how much memory is used");
CANNOT(INSTALL_CONFIGURE, timezone, "This machine knows UTC only. Type: what time is it");
CANNOT(INSTALL_CONFIGURE, ntp, "This machine can't ask the network for the time: it reads its own clock at boot. Type: what time is it");
CANNOT(INSTALL_CONFIGURE, clock, "This machine can't set its clock, only read it. Type: what time is it");
CANNOT(INSTALL_CONFIGURE, useradd, "This machine has no users: whoever sits at its console owns it. Type: set the host name to NAME");
CANNOT(INSTALL_CONFIGURE, userdel, "This machine has no users: whoever sits at its console owns it. Type: show the processes");
CANNOT(INSTALL_CONFIGURE, password, "This machine has no passwords: keep its console and its `remote` port to yourself. Type: show open connections");
CANNOT(INSTALL_CONFIGURE, keyboard, "This machine has no keyboard of its own: what you type comes over a line. Type: what hardware is in here");
CANNOT(INSTALL_CONFIGURE, locale, "This machine speaks English only. Type: help");
CANNOT(INSTALL_CONFIGURE, boot, "This machine can't change how it is booted: its loader says that. Type: cat /proc/cmdline");
CANNOT(INSTALL_CONFIGURE, schedule, "This machine can't do things at a set time: services run all the time. Type: show the services");
CANNOT(INSTALL_CONFIGURE, system, "This machine can't install itself on a disk: its loader brings it. Type: format disk0, or: what can I install");
CANNOT(SYSTEM_MANAGE, enable, "This machine starts at boot what stands in etc/services of a disk. Type: write -a /disk0/etc/services web");
CANNOT(SYSTEM_MANAGE, disable, "This machine starts at boot what stands in etc/services of a disk: take it out there. Type: cat /disk0/etc/services");
CANNOT(SYSTEM_MANAGE, reboot, "This machine can't start itself anew: switch it off, and on by hand. Type: power off");
CANNOT(SYSTEM_MANAGE, suspend, "This machine can't sleep, but it rests when idle. Type: power off");
CANNOT(SYSTEM_MANAGE, backup, "This machine can't make backups by itself: copy its disk from outside. Type: how much disk space is left");
CANNOT(SYSTEM_MANAGE, restore, "This machine can't restore backups by itself: copy its disk from outside. Type: show the logs");
