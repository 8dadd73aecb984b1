/* Installing and removing packages (pkg.h). Everything is checked before anything is written; the record of the package is
   renamed from NAME.part to NAME when all files are there, and back before the first is taken away. */
#include "pkg.h"
#include "log.h"
#include "mm.h"
#include "print.h"
#include "sha256.h"
#include "string.h"
#include "text.h"
#include "vfs.h"

struct job {
    const char *root;
    char *reason;
    const char *going_on[PKG_DEEP_MAX]; /* packages whose dependencies are being installed */
    unsigned depth;
};

/* A package that is looked at: its archive in memory, and its manifest, or the manifest alone. */
struct package {
    uint8_t *archive;
    size_t size;
    struct pkg_manifest manifest;
};

static bool refuse(struct job *job, const char *format, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct job *job, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    kvsnprintf(job->reason, PKG_REASON_MAX, format, args);
    va_end(args);
    return false;
}

static void release(struct package *package)
{
    kfree(package->archive);
    kfree(package->manifest.text);
    kfree(package);
}

static void record_path(const struct job *job, const char *name, const char *ending, char path[FS_PATH_MAX])
{
    ksnprintf(path, FS_PATH_MAX, "%s/packages/installed/%s%s", job->root, name, ending);
}

static void file_path(const struct job *job, const char *file, char path[FS_PATH_MAX])
{
    ksnprintf(path, FS_PATH_MAX, "%s/%s", job->root, file);
}

/* -- Reading a package or a record ------------------------------------------------------------------------ */

static void *load_file(const char *path, size_t most, size_t *size)
{
    struct fs_stat stat;
    if (vfs_stat(path, &stat) || stat.type != FS_FILE || stat.size > most)
        return NULL;
    char *data = kmalloc((size_t)stat.size + 1);
    long got = data ? vfs_load(path, data, (size_t)stat.size) : -1;
    if (got != (long)stat.size) {
        kfree(data);
        return NULL;
    }
    data[got] = 0;
    *size = (size_t)got;
    return data;
}

static struct package *parse_package(struct job *job, char *text)
{
    struct package *package = text ? kzalloc(sizeof *package) : NULL;
    if (!package) {
        kfree(text);
        return refuse(job, "out of memory"), NULL;
    }
    if (!pkg_parse(&package->manifest, text, job->reason)) {
        release(package);
        return NULL;
    }
    return package;
}

/* The record of an installed package (or of a part); NULL when there is none. */
static struct package *load_record(struct job *job, const char *name, const char *ending)
{
    char path[FS_PATH_MAX];
    size_t size;
    record_path(job, name, ending, path);
    char *text = load_file(path, PKG_TEXT_MAX, &size);
    if (!text)
        return refuse(job, "%s is not installed", name), NULL;
    return parse_package(job, text);
}

static char *manifest_text(struct job *job, const uint8_t *archive, size_t size)
{
    struct ustar tar = {archive, size, 0};
    struct ustar_entry entry;
    bool broken;
    if (!ustar_next(&tar, &entry, &broken) || strcmp(entry.path, "MANIFEST") || entry.size > PKG_TEXT_MAX)
        return refuse(job, "expected a ustar archive that begins with MANIFEST"), NULL;
    char *text = kmalloc(entry.size + 1);
    if (!text)
        return refuse(job, "out of memory"), NULL;
    memcpy(text, entry.data, entry.size);
    text[entry.size] = 0;
    return text;
}

static struct package *load_package(struct job *job, const char *name)
{
    char path[FS_PATH_MAX];
    size_t size;
    ksnprintf(path, sizeof path, "/packages/%s.tar", name);
    uint8_t *archive = load_file(path, PKG_SIZE_MAX, &size);
    ksnprintf(path, sizeof path, "%s/packages/%s.tar", job->root, name);
    if (!archive)
        archive = load_file(path, PKG_SIZE_MAX, &size);
    if (!archive)
        return refuse(job, "no package %.31s in /packages or %s/packages", name, job->root), NULL;
    char *text = manifest_text(job, archive, size);
    struct package *package = text ? parse_package(job, text) : NULL;
    if (!package) {
        kfree(archive);
        return NULL;
    }
    package->archive = archive;
    package->size = size;
    if (!strcmp(package->manifest.name, name))
        return package;
    refuse(job, "%s.tar holds %s", name, package->manifest.name);
    release(package);
    return NULL;
}

/* -- Checking --------------------------------------------------------------------------------------------- */

static const struct pkg_file *find_file(const struct pkg_manifest *manifest, const char *path)
{
    for (unsigned i = 0; i < manifest->file_count; i++)
        if (!strcmp(manifest->files[i].path, path))
            return &manifest->files[i];
    return NULL;
}

/* Every file of the archive is in the manifest, once, with its digest; there are no others. */
static bool check_files(struct job *job, const struct package *package)
{
    struct ustar tar = {package->archive, package->size, 0};
    struct ustar_entry entry;
    char digest[SHA256_TEXT];
    bool broken;
    unsigned found = 0;
    ustar_next(&tar, &entry, &broken); /* MANIFEST */
    while (ustar_next(&tar, &entry, &broken)) {
        if (entry.type == '5')
            continue;
        const struct pkg_file *file = find_file(&package->manifest, entry.path);
        if (entry.type != '0' || !file)
            return refuse(job, "%s: %.80s is not a file of the manifest", package->manifest.name, entry.path);
        if (strcmp(sha256_text(entry.data, entry.size, digest), file->digest))
            return refuse(job, "%s: %.80s has another SHA-256 than the manifest says", package->manifest.name, entry.path);
        found++;
    }
    if (broken)
        return refuse(job, "%s: the archive is damaged", package->manifest.name);
    return found == package->manifest.file_count || refuse(job, "%s: the archive has %u files, its manifest %u",
                                                           package->manifest.name, found, package->manifest.file_count);
}

static bool check_places(struct job *job, const struct package *package)
{
    char path[FS_PATH_MAX];
    struct fs_stat stat;
    for (unsigned i = 0; i < package->manifest.file_count; i++) {
        file_path(job, package->manifest.files[i].path, path);
        if (!vfs_stat(path, &stat))
            return refuse(job, "%s: %.100s is there already", package->manifest.name, path);
    }
    return true;
}

/* -- Changing the tree ------------------------------------------------------------------------------------ */

/* Makes the folders that a path goes through. */
static void make_folders(const char *path, size_t from)
{
    char folder[FS_PATH_MAX];
    text_copy(folder, sizeof folder, path);
    for (char *at = folder + from; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        vfs_mkdir(folder);
        *at = '/';
    }
}

/* Takes files away, and the folders that are empty then. */
static bool remove_files(struct job *job, const struct pkg_manifest *manifest)
{
    char path[FS_PATH_MAX];
    for (unsigned i = 0; i < manifest->file_count; i++) {
        file_path(job, manifest->files[i].path, path);
        int status = vfs_remove(path);
        if (status && status != FS_NOT_FOUND)
            return refuse(job, "%.100s: %s", path, fs_error(status));
        for (size_t end = strlen(path); end > strlen(job->root); end--)
            if (path[end] == '/') {
                path[end] = 0;
                if (vfs_remove(path))
                    break;
            }
    }
    return true;
}

/* Finishes what was cut off: a part's files go, then its record. */
static bool clear_part(struct job *job, const char *name)
{
    char path[FS_PATH_MAX];
    struct package *part = load_record(job, name, ".part");
    bool ok = !part || remove_files(job, &part->manifest);
    if (part)
        release(part);
    record_path(job, name, ".part", path);
    if (ok)
        vfs_remove(path); /* also one that can't be read, which was cut off before any file came */
    return ok;
}

static bool write_files(struct job *job, const struct package *package)
{
    struct ustar tar = {package->archive, package->size, 0};
    struct ustar_entry entry;
    char path[FS_PATH_MAX];
    bool broken;
    ustar_next(&tar, &entry, &broken); /* MANIFEST */
    while (ustar_next(&tar, &entry, &broken)) {
        if (entry.type == '5')
            continue;
        file_path(job, entry.path, path);
        make_folders(path, strlen(job->root) + 1);
        int status = vfs_store(path, entry.data, entry.size);
        if (status)
            return refuse(job, "%.100s: %s", path, fs_error(status));
    }
    return true;
}

static bool place(struct job *job, const struct package *package)
{
    char part[FS_PATH_MAX], whole[FS_PATH_MAX];
    const char *name = package->manifest.name;
    struct ustar tar = {package->archive, package->size, 0};
    struct ustar_entry entry;
    bool broken;
    record_path(job, name, ".part", part);
    record_path(job, name, "", whole);
    make_folders(part, strlen(job->root) + 1);
    ustar_next(&tar, &entry, &broken); /* MANIFEST, as it was before parsing */
    int status = vfs_store(part, entry.data, entry.size);
    if (status)
        return refuse(job, "%.100s: %s", part, fs_error(status));
    if (write_files(job, package)) {
        status = vfs_rename(part, whole);
        klog("package %s %s is installed below %s", name, package->manifest.version, job->root);
        return !status || refuse(job, "%.100s: %s", whole, fs_error(status));
    }
    char why[PKG_REASON_MAX];
    text_copy(why, sizeof why, job->reason);
    clear_part(job, name);
    return refuse(job, "%s", why);
}

static bool is_installed(struct job *job, const char *name)
{
    char path[FS_PATH_MAX];
    struct fs_stat stat;
    record_path(job, name, "", path);
    return !vfs_stat(path, &stat);
}

static bool install(struct job *job, const char *name);

static bool install_depends(struct job *job, const struct pkg_manifest *manifest)
{
    if (job->depth == PKG_DEEP_MAX)
        return refuse(job, "%s: dependencies are more than %d deep", manifest->name, PKG_DEEP_MAX);
    for (unsigned i = 0; i < job->depth; i++)
        if (!strcmp(job->going_on[i], manifest->name))
            return refuse(job, "%s depends on itself", manifest->name);
    job->going_on[job->depth++] = manifest->name;
    bool ok = true;
    for (unsigned i = 0; ok && i < manifest->depend_count; i++)
        ok = install(job, manifest->depends[i]);
    job->depth--;
    return ok;
}

static bool install(struct job *job, const char *name)
{
    if (is_installed(job, name))
        return true;
    struct package *package = load_package(job, name);
    if (!package)
        return false;
    bool ok = check_files(job, package) && install_depends(job, &package->manifest) && clear_part(job, name) &&
              check_places(job, package) && place(job, package);
    release(package);
    return ok;
}

/* -- What others call ------------------------------------------------------------------------------------- */

/* A name from outside becomes part of a path. */
static bool begin(struct job *job, const char *name)
{
    if (!job->root)
        return refuse(job, "no file system can be written: mount a disk");
    bool right = !strchr(name, '/') && name[0] != '.' && strlen(name) < PKG_NAME_MAX;
    return right || refuse(job, "'%.40s' is no package name", name);
}

bool pkg_install(const char *root, const char *name, char reason[PKG_REASON_MAX])
{
    struct job job = {.root = root, .reason = reason};
    if (!begin(&job, name))
        return false;
    return is_installed(&job, name) ? refuse(&job, "%s is installed already", name) : install(&job, name);
}

bool pkg_installed(const char *root, unsigned index, char *text, size_t size)
{
    char reason[PKG_REASON_MAX], folder[FS_PATH_MAX];
    struct job job = {.root = root, .reason = reason};
    struct fs_entry entry;
    bool found = false;
    ksnprintf(folder, sizeof folder, "%s/packages/installed", root);
    int file = vfs_open(folder, FS_READ);
    while (file >= 0 && !found && vfs_next(file, &entry) > 0) {
        struct package *package = strlen(entry.name) < PKG_NAME_MAX && !text_glob("*.part", entry.name)
                                      ? load_record(&job, entry.name, "") : NULL;
        found = package && !index--;
        if (found)
            ksnprintf(text, size, "%s %s", package->manifest.name, package->manifest.version);
        if (package)
            release(package);
    }
    if (file >= 0)
        vfs_close(file);
    return found;
}

/* The first installed package that depends on this one. */
static bool needed_by(struct job *job, const char *name, char by[PKG_NAME_MAX])
{
    char text[PKG_NAME_MAX + PKG_VERSION_MAX + 1];
    bool needed = false;
    for (unsigned i = 0; !needed && pkg_installed(job->root, i, text, sizeof text); i++) {
        *strchr(text, ' ') = 0;
        struct package *package = load_record(job, text, "");
        for (unsigned j = 0; package && !needed && j < package->manifest.depend_count; j++)
            needed = !strcmp(package->manifest.depends[j], name);
        text_copy(by, PKG_NAME_MAX, text);
        if (package)
            release(package);
    }
    return needed;
}

bool pkg_remove(const char *root, const char *name, char reason[PKG_REASON_MAX])
{
    struct job job = {.root = root, .reason = reason};
    char part[FS_PATH_MAX], whole[FS_PATH_MAX], by[PKG_NAME_MAX];
    if (!begin(&job, name))
        return false;
    if (!is_installed(&job, name))
        return refuse(&job, "%s is not installed", name);
    if (needed_by(&job, name, by))
        return refuse(&job, "%s is needed by %s", name, by);
    record_path(&job, name, ".part", part);
    record_path(&job, name, "", whole);
    int status = vfs_rename(whole, part);
    if (status)
        return refuse(&job, "%.100s: %s", whole, fs_error(status));
    klog("package %s is removed from below %s", name, root);
    return clear_part(&job, name);
}

static bool verify_file(struct job *job, const struct pkg_file *file)
{
    char path[FS_PATH_MAX], digest[SHA256_TEXT];
    size_t size;
    file_path(job, file->path, path);
    void *data = load_file(path, PKG_SIZE_MAX, &size);
    bool same = data && !strcmp(sha256_text(data, size, digest), file->digest);
    kfree(data);
    return same || refuse(job, "%.100s %s", path, data ? "was changed" : "is not there");
}

bool pkg_verify(const char *root, const char *name, char reason[PKG_REASON_MAX])
{
    struct job job = {.root = root, .reason = reason};
    struct package *package = begin(&job, name) ? load_record(&job, name, "") : NULL;
    bool ok = package != NULL;
    for (unsigned i = 0; ok && i < package->manifest.file_count; i++)
        ok = verify_file(&job, &package->manifest.files[i]);
    if (package)
        release(package);
    return ok;
}

const char *pkg_root(void)
{
    for (const struct mount *mount = vfs_mounts(); mount < vfs_mounts() + FS_MOUNTS; mount++)
        if (mount->type && mount->type->create && !(mount->flags & MOUNT_READ_ONLY))
            return mount->path;
    return NULL;
}
