/* pkg list | install NAME | remove NAME | verify NAME: packages by hand. */
#include "pkg.h"
#include "console.h"
#include "print.h"
#include "string.h"

static void list(const char *root)
{
    char text[PKG_NAME_MAX + PKG_VERSION_MAX + 1];
    for (unsigned i = 0; root && pkg_installed(root, i, text, sizeof text); i++)
        kprintf("%s\n", text);
}

static void pkg(int argc, char **argv)
{
    static const struct {
        const char *name, *done;
        bool (*run)(const char *root, const char *name, char *reason);
    } verbs[] = {{"install", "is installed", pkg_install}, {"remove", "is removed", pkg_remove}, {"verify", "is as it was", pkg_verify}};
    char reason[PKG_REASON_MAX];
    if (argc == 2 && !strcmp(argv[1], "list")) {
        list(pkg_root());
        return;
    }
    for (unsigned i = 0; argc == 3 && i < ARRAY_LEN(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name))
            continue;
        if (verbs[i].run(pkg_root(), argv[2], reason))
            kprintf("%s %s\n", argv[2], verbs[i].done);
        else
            kprintf("%s\n", reason);
        return;
    }
    kprintf("expected: pkg list | install NAME | remove NAME | verify NAME\n");
}
COMMAND(pkg, "packages: pkg list | install NAME | remove NAME | verify NAME", pkg);
