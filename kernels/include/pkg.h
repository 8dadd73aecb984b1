/* Packages: NAME.tar, a ustar archive (POSIX.1-2017, pax, "ustar Interchange Format") whose first member is MANIFEST:

       name hello
       version 1.2
       depends base libfoo
       file <64 hexadecimal digits: SHA-256> etc/hello.conf

   One `file` line for every other file, and no file without one. Packages lie in /packages (of the initramfs) and in
   <root>/packages; they are installed below <root>, a file system that can be written. What is installed is told by
   <root>/packages/installed/NAME, the manifest. NAME.part in its place is an installation or a removal that did not
   end: its files are taken away before the next of either. */
#pragma once

#include "base.h"

enum { PKG_NAME_MAX = 32, PKG_VERSION_MAX = 24, PKG_DEPENDS = 16, PKG_FILES = 256, PKG_TEXT_MAX = 64 << 10,
       PKG_SIZE_MAX = 4 << 20, PKG_DEEP_MAX = 8, PKG_REASON_MAX = 160 };

struct pkg_file {
    const char *digest, *path; /* in the manifest's text */
};
struct pkg_manifest {
    char *text; /* which parsing cuts into words */
    const char *name, *version;
    const char *depends[PKG_DEPENDS];
    unsigned depend_count, file_count;
    struct pkg_file files[PKG_FILES];
};
/* False, with the reason, unless every line is right. `text` must end with a zero. */
bool pkg_parse(struct pkg_manifest *manifest, char *text, char reason[PKG_REASON_MAX]);

/* False with the reason. An installation brings what the package depends on; a package that another one needs stays. */
bool pkg_install(const char *root, const char *name, char reason[PKG_REASON_MAX]);
bool pkg_remove(const char *root, const char *name, char reason[PKG_REASON_MAX]);
/* Are all files there, with the contents that the manifest names? */
bool pkg_verify(const char *root, const char *name, char reason[PKG_REASON_MAX]);
/* The index-th installed package: "hello 1.2"; false past the last. */
bool pkg_installed(const char *root, unsigned index, char *text, size_t size);
const char *pkg_root(void); /* the first place that files can be written to, or NULL */

/* -- The archive ------------------------------------------------------------------------------------------ */

struct ustar {
    const uint8_t *data;
    size_t size, at;
};
struct ustar_entry {
    char path[257];
    char type; /* '0' file, '5' folder, … */
    const void *data;
    size_t size;
};
/* The next member; false at the end. What is damaged ends it too, with `broken`. */
bool ustar_next(struct ustar *archive, struct ustar_entry *entry, bool *broken);
