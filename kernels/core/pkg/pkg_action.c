/* Sentences about packages: installing, removing, what there is. */
#include "action.h"
#include "checkup.h"
#include "pkg.h"
#include "print.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

/* Packages in a folder, a line each; how many. */
static unsigned say_folder(const char *folder)
{
    static struct fs_entry entry;
    unsigned count = 0;
    int file = vfs_open(folder, FS_READ);
    while (file >= 0 && vfs_next(file, &entry) > 0) {
        size_t length = strlen(entry.name), ending = strlen(".tar");
        if (length <= ending || strcmp(entry.name + length - ending, ".tar"))
            continue;
        kprintf("%.*s can be installed.\n", (int)(length - ending), entry.name);
        count++;
    }
    if (file >= 0)
        vfs_close(file);
    return count;
}

static void say_available(void)
{
    char text[FS_PATH_MAX];
    const char *root = pkg_root();
    unsigned count = say_folder("/packages");
    if (root) {
        ksnprintf(text, sizeof text, "%s/packages", root);
        count += say_folder(text);
    }
    for (unsigned i = 0; root && pkg_installed(root, i, text, sizeof text); i++)
        kprintf("%s is installed.\n", text);
    if (!count)
        kprintf("There is nothing that can be installed: no package lies in /packages%s.\n", root ? " or on the disk" : "");
    else if (root)
        kprintf("Type for example: install NAME\n");
}

/* False, said, when no disk can hold packages. */
static bool has_root(void)
{
    if (pkg_root())
        return true;
    kprintf("Nothing can be installed: no disk is mounted that can be written.\n");
    kprintf("Type: mount disk0 on /mnt, or, if it is new, first: format disk0\n");
    return false;
}

static void search(const struct action *action)
{
    (void)action; /* there are few: all are shown */
    say_available();
    has_root();
}
ACTION(APP_INSTALL, search, "list the packages", search);

static void install_package(const struct action *action)
{
    char reason[PKG_REASON_MAX];
    if (!action->word.given) {
        say_available();
        has_root();
        return;
    }
    if (!has_root())
        return;
    if (pkg_install(pkg_root(), action->word.text, reason))
        kprintf("%s is installed below %s.\n", action->word.text, pkg_root());
    else
        kprintf("%.40s was not installed: %s.\n", action->word.text, reason);
}
ACTION(APP_INSTALL, install, "install a package", install_package, .changes = true);

static bool has_package(const char *name, char *text, size_t size)
{
    size_t length = strlen(name);
    for (unsigned i = 0; pkg_root() && pkg_installed(pkg_root(), i, text, size); i++)
        if (!strncmp(text, name, length) && text[length] == ' ')
            return true;
    return false;
}

static bool warn_remove(const struct action *action)
{
    char text[PKG_NAME_MAX + PKG_VERSION_MAX + 1];
    if (has_package(action->word.text, text, sizeof text)) {
        kprintf("This removes the package %s and its files.\n", text);
        return true;
    }
    kprintf("No package %.40s is installed. To see what is, type: what can I install\n", action->word.text);
    return false;
}

static void remove_package(const struct action *action)
{
    char reason[PKG_REASON_MAX];
    if (pkg_remove(pkg_root(), action->word.text, reason))
        kprintf("%s is removed.\n", action->word.text);
    else
        kprintf("%.40s was not removed: %s.\n", action->word.text, reason);
}
ACTION(APP_INSTALL, remove, "remove a package", remove_package, .changes = true, .warn = warn_remove);
CANNOT(APP_INSTALL, upgrade, "This machine can't upgrade packages: remove one and install its new release. Type: what can I install");

static bool package_checkup(const struct action *action)
{
    char text[PKG_NAME_MAX + PKG_VERSION_MAX + 1], reason[PKG_REASON_MAX];
    (void)action;
    if (!has_root())
        return true;
    unsigned count = 0;
    for (; pkg_installed(pkg_root(), count, text, sizeof text); count++) {
        *strchr(text, ' ') = 0;
        if (pkg_verify(pkg_root(), text, reason))
            continue;
        kprintf("The package %s is damaged: %s.\nType: remove %s, then: install %s\n", text, reason, text, text);
        return true;
    }
    kprintf("%u packages are installed, and all their files are as they were.\n", count);
    return false;
}
CHECKUP(package, 0, package_checkup);
