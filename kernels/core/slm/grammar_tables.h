/* The action grammar. Made by `python -m SLM.c_tables` from SLM/grammar.toml and SLM/intents.py: change those. */
#pragma once

#include "slm.h"

#include "../../include/action_keys.h"

enum slm_kind { SLM_KIND_ENUM, SLM_KIND_WORD, SLM_KIND_NUMBER, SLM_KIND_IP, SLM_KIND_ID, SLM_KIND_SIZE, SLM_KIND_PATH,
                SLM_KIND_TEXT };

struct slm_arg {
    const char *lead; /* what stands before the value */
    enum slm_kind kind;
    bool optional;
    const char *const *words; /* of a closed list, up to NULL */
    enum action_key key;
};
#define SLM_MAX_ARGS 3
/* The next part of the sentence that a quoting type takes, from *at (0 at first) on; false if there is none. */
bool slm_next_quote(const struct slm_sentence *s, enum slm_kind kind, unsigned *at, struct slm_span *out);
/* Has t[0..n) the shape of a quoting type? (In lower case; "text" is not asked here.) */
bool slm_shaped(enum slm_kind kind, const char *t, size_t n);

struct slm_op {
    const char *name;
    const struct slm_arg *args;
    unsigned count;
};

static const char *const slm_type_class[] = {"cpu", "memory", "disk", "network", "wifi", "graphics", "sound", "usb", "pci", "input", "camera", "bluetooth", "printer", "battery", "sensor", "serial", "board", NULL};
static const char *const slm_type_role[] = {"http", "dns", "dhcp", "ftp", "tftp", "mail", "ssh", "ntp", "proxy", "database", "file", "print", "chat", "vpn", "git", "mqtt", "media", "game", "router", "log", "monitor", "cache", NULL};
static const char *const slm_type_resource[] = {"cpu", "memory", "disk", "network", "temperature", "swap", "power", NULL};
static const char *const slm_type_fs[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "fat32", "vfat", "ntfs", "f2fs", "zfs", "swap", NULL};
static const char *const slm_type_verdict[] = {"allow", "deny", NULL};
static const char *const slm_type_area[] = {"network", "dns", "wifi", "disk", "filesystem", "memory", "cpu", "boot", "service", "package", "driver", "graphics", "sound", "input", "usb", "printer", "power", "login", "time", "system", NULL};

static const struct slm_arg slm_args_HARDWARE_IDENTIFY_list[] = {
    {" ", SLM_KIND_ENUM, true, slm_type_class, ACTION_KEY_class},
};
static const struct slm_arg slm_args_HARDWARE_IDENTIFY_identify[] = {
    {" id=", SLM_KIND_ID, true, NULL, ACTION_KEY_id},
    {" device=", SLM_KIND_TEXT, true, NULL, ACTION_KEY_device},
};
static const struct slm_op slm_ops_HARDWARE_IDENTIFY[] = {
    {"list", slm_args_HARDWARE_IDENTIFY_list, 1},
    {"identify", slm_args_HARDWARE_IDENTIFY_identify, 2},
    {NULL, NULL, 0},
};
static const struct slm_arg slm_args_DRIVER_SELECT_find[] = {
    {" ", SLM_KIND_ENUM, true, slm_type_class, ACTION_KEY_class},
    {" id=", SLM_KIND_ID, true, NULL, ACTION_KEY_id},
    {" device=", SLM_KIND_TEXT, true, NULL, ACTION_KEY_device},
};
static const struct slm_arg slm_args_DRIVER_SELECT_load[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" class=", SLM_KIND_ENUM, true, slm_type_class, ACTION_KEY_class},
    {" device=", SLM_KIND_TEXT, true, NULL, ACTION_KEY_device},
};
static const struct slm_arg slm_args_DRIVER_SELECT_unload[] = {
    {" ", SLM_KIND_WORD, false, NULL, ACTION_KEY_word},
};
static const struct slm_arg slm_args_DRIVER_SELECT_switch[] = {
    {" from=", SLM_KIND_WORD, true, NULL, ACTION_KEY_from},
    {" to=", SLM_KIND_WORD, true, NULL, ACTION_KEY_to},
};
static const struct slm_arg slm_args_DRIVER_SELECT_info[] = {
    {" ", SLM_KIND_WORD, false, NULL, ACTION_KEY_word},
};
static const struct slm_op slm_ops_DRIVER_SELECT[] = {
    {"find", slm_args_DRIVER_SELECT_find, 3},
    {"load", slm_args_DRIVER_SELECT_load, 3},
    {"unload", slm_args_DRIVER_SELECT_unload, 1},
    {"switch", slm_args_DRIVER_SELECT_switch, 2},
    {"info", slm_args_DRIVER_SELECT_info, 1},
    {"list", NULL, 0},
    {NULL, NULL, 0},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_hostname[] = {
    {" name=", SLM_KIND_WORD, false, NULL, ACTION_KEY_name},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_address[] = {
    {" ip=", SLM_KIND_IP, true, NULL, ACTION_KEY_ip},
    {" iface=", SLM_KIND_WORD, true, NULL, ACTION_KEY_iface},
    {" gateway=", SLM_KIND_IP, true, NULL, ACTION_KEY_gateway},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_dhcp[] = {
    {" iface=", SLM_KIND_WORD, true, NULL, ACTION_KEY_iface},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_dns[] = {
    {" server=", SLM_KIND_IP, true, NULL, ACTION_KEY_server},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_route[] = {
    {" dest=", SLM_KIND_IP, true, NULL, ACTION_KEY_dest},
    {" gateway=", SLM_KIND_IP, true, NULL, ACTION_KEY_gateway},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_mtu[] = {
    {" size=", SLM_KIND_NUMBER, false, NULL, ACTION_KEY_size},
    {" iface=", SLM_KIND_WORD, true, NULL, ACTION_KEY_iface},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_wifi[] = {
    {" ssid=", SLM_KIND_WORD, true, NULL, ACTION_KEY_ssid},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_firewall[] = {
    {" ", SLM_KIND_ENUM, true, slm_type_verdict, ACTION_KEY_verdict},
    {" port=", SLM_KIND_NUMBER, true, NULL, ACTION_KEY_port},
    {" ip=", SLM_KIND_IP, true, NULL, ACTION_KEY_ip},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_partition[] = {
    {" disk=", SLM_KIND_WORD, true, NULL, ACTION_KEY_disk},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_format[] = {
    {" disk=", SLM_KIND_WORD, true, NULL, ACTION_KEY_disk},
    {" fs=", SLM_KIND_ENUM, true, slm_type_fs, ACTION_KEY_fs},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_mount[] = {
    {" disk=", SLM_KIND_WORD, true, NULL, ACTION_KEY_disk},
    {" path=", SLM_KIND_PATH, true, NULL, ACTION_KEY_path},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_unmount[] = {
    {" target=", SLM_KIND_WORD, true, NULL, ACTION_KEY_target},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_encrypt[] = {
    {" disk=", SLM_KIND_WORD, true, NULL, ACTION_KEY_disk},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_resize[] = {
    {" disk=", SLM_KIND_WORD, true, NULL, ACTION_KEY_disk},
    {" size=", SLM_KIND_SIZE, true, NULL, ACTION_KEY_size},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_swap[] = {
    {" size=", SLM_KIND_SIZE, true, NULL, ACTION_KEY_size},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_timezone[] = {
    {" zone=", SLM_KIND_WORD, true, NULL, ACTION_KEY_zone},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_ntp[] = {
    {" server=", SLM_KIND_WORD, true, NULL, ACTION_KEY_server},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_clock[] = {
    {" time=", SLM_KIND_WORD, true, NULL, ACTION_KEY_time},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_useradd[] = {
    {" name=", SLM_KIND_WORD, true, NULL, ACTION_KEY_name},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_userdel[] = {
    {" name=", SLM_KIND_WORD, true, NULL, ACTION_KEY_name},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_password[] = {
    {" name=", SLM_KIND_WORD, true, NULL, ACTION_KEY_name},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_keyboard[] = {
    {" layout=", SLM_KIND_WORD, true, NULL, ACTION_KEY_layout},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_locale[] = {
    {" lang=", SLM_KIND_WORD, true, NULL, ACTION_KEY_lang},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_boot[] = {
    {" option=", SLM_KIND_WORD, true, NULL, ACTION_KEY_option},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_schedule[] = {
    {" time=", SLM_KIND_WORD, true, NULL, ACTION_KEY_time},
};
static const struct slm_arg slm_args_INSTALL_CONFIGURE_system[] = {
    {" disk=", SLM_KIND_WORD, true, NULL, ACTION_KEY_disk},
};
static const struct slm_op slm_ops_INSTALL_CONFIGURE[] = {
    {"hostname", slm_args_INSTALL_CONFIGURE_hostname, 1},
    {"address", slm_args_INSTALL_CONFIGURE_address, 3},
    {"dhcp", slm_args_INSTALL_CONFIGURE_dhcp, 1},
    {"dns", slm_args_INSTALL_CONFIGURE_dns, 1},
    {"route", slm_args_INSTALL_CONFIGURE_route, 2},
    {"mtu", slm_args_INSTALL_CONFIGURE_mtu, 2},
    {"wifi", slm_args_INSTALL_CONFIGURE_wifi, 1},
    {"firewall", slm_args_INSTALL_CONFIGURE_firewall, 3},
    {"partition", slm_args_INSTALL_CONFIGURE_partition, 1},
    {"format", slm_args_INSTALL_CONFIGURE_format, 2},
    {"mount", slm_args_INSTALL_CONFIGURE_mount, 2},
    {"unmount", slm_args_INSTALL_CONFIGURE_unmount, 1},
    {"encrypt", slm_args_INSTALL_CONFIGURE_encrypt, 1},
    {"resize", slm_args_INSTALL_CONFIGURE_resize, 2},
    {"swap", slm_args_INSTALL_CONFIGURE_swap, 1},
    {"timezone", slm_args_INSTALL_CONFIGURE_timezone, 1},
    {"ntp", slm_args_INSTALL_CONFIGURE_ntp, 1},
    {"clock", slm_args_INSTALL_CONFIGURE_clock, 1},
    {"useradd", slm_args_INSTALL_CONFIGURE_useradd, 1},
    {"userdel", slm_args_INSTALL_CONFIGURE_userdel, 1},
    {"password", slm_args_INSTALL_CONFIGURE_password, 1},
    {"keyboard", slm_args_INSTALL_CONFIGURE_keyboard, 1},
    {"locale", slm_args_INSTALL_CONFIGURE_locale, 1},
    {"boot", slm_args_INSTALL_CONFIGURE_boot, 1},
    {"schedule", slm_args_INSTALL_CONFIGURE_schedule, 1},
    {"system", slm_args_INSTALL_CONFIGURE_system, 1},
    {NULL, NULL, 0},
};
static const struct slm_arg slm_args_APP_INSTALL_install[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" about=", SLM_KIND_TEXT, true, NULL, ACTION_KEY_about},
};
static const struct slm_arg slm_args_APP_INSTALL_remove[] = {
    {" ", SLM_KIND_WORD, false, NULL, ACTION_KEY_word},
};
static const struct slm_arg slm_args_APP_INSTALL_upgrade[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
};
static const struct slm_arg slm_args_APP_INSTALL_search[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" about=", SLM_KIND_TEXT, true, NULL, ACTION_KEY_about},
};
static const struct slm_arg slm_args_APP_INSTALL_serve[] = {
    {" ", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
    {" port=", SLM_KIND_NUMBER, true, NULL, ACTION_KEY_port},
};
static const struct slm_op slm_ops_APP_INSTALL[] = {
    {"install", slm_args_APP_INSTALL_install, 2},
    {"remove", slm_args_APP_INSTALL_remove, 1},
    {"upgrade", slm_args_APP_INSTALL_upgrade, 1},
    {"search", slm_args_APP_INSTALL_search, 2},
    {"serve", slm_args_APP_INSTALL_serve, 2},
    {NULL, NULL, 0},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_status[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_usage[] = {
    {" ", SLM_KIND_ENUM, true, slm_type_resource, ACTION_KEY_resource},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_start[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_stop[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_restart[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_enable[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_disable[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_kill[] = {
    {" ", SLM_KIND_WORD, false, NULL, ACTION_KEY_word},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_logs[] = {
    {" ", SLM_KIND_WORD, true, NULL, ACTION_KEY_word},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_backup[] = {
    {" path=", SLM_KIND_PATH, true, NULL, ACTION_KEY_path},
};
static const struct slm_arg slm_args_SYSTEM_MANAGE_restore[] = {
    {" path=", SLM_KIND_PATH, true, NULL, ACTION_KEY_path},
};
static const struct slm_op slm_ops_SYSTEM_MANAGE[] = {
    {"status", slm_args_SYSTEM_MANAGE_status, 2},
    {"usage", slm_args_SYSTEM_MANAGE_usage, 1},
    {"start", slm_args_SYSTEM_MANAGE_start, 2},
    {"stop", slm_args_SYSTEM_MANAGE_stop, 2},
    {"restart", slm_args_SYSTEM_MANAGE_restart, 2},
    {"enable", slm_args_SYSTEM_MANAGE_enable, 2},
    {"disable", slm_args_SYSTEM_MANAGE_disable, 2},
    {"services", NULL, 0},
    {"processes", NULL, 0},
    {"kill", slm_args_SYSTEM_MANAGE_kill, 1},
    {"logs", slm_args_SYSTEM_MANAGE_logs, 2},
    {"uptime", NULL, 0},
    {"time", NULL, 0},
    {"address", NULL, 0},
    {"connections", NULL, 0},
    {"users", NULL, 0},
    {"version", NULL, 0},
    {"reboot", NULL, 0},
    {"poweroff", NULL, 0},
    {"suspend", NULL, 0},
    {"backup", slm_args_SYSTEM_MANAGE_backup, 1},
    {"restore", slm_args_SYSTEM_MANAGE_restore, 1},
    {NULL, NULL, 0},
};
static const struct slm_arg slm_args_TROUBLESHOOT_diagnose[] = {
    {" ", SLM_KIND_ENUM, true, slm_type_area, ACTION_KEY_area},
    {" name=", SLM_KIND_WORD, true, NULL, ACTION_KEY_name},
    {" role=", SLM_KIND_ENUM, true, slm_type_role, ACTION_KEY_role},
};
static const struct slm_op slm_ops_TROUBLESHOOT[] = {
    {"diagnose", slm_args_TROUBLESHOOT_diagnose, 3},
    {NULL, NULL, 0},
};
static const struct slm_op *const slm_grammar[] = {slm_ops_HARDWARE_IDENTIFY, slm_ops_DRIVER_SELECT, slm_ops_INSTALL_CONFIGURE, slm_ops_APP_INSTALL, slm_ops_SYSTEM_MANAGE, slm_ops_TROUBLESHOOT, NULL};
