/* Packages made here, installed on a disk in memory. */
#include "pkg.h"
#include "../fs/ext2/test_disk.h"
#include "print.h"
#include "sha256.h"
#include "string.h"
#include "test.h"
#include "text.h"
#include "vfs.h"

static uint8_t tar[8192];
static size_t tar_size;
static char reason[PKG_REASON_MAX];

static void add_member(const char *path, const char *data)
{
    uint8_t *header = tar + tar_size;
    size_t size = strlen(data);
    unsigned sum = 0;
    memset(header, 0, 512);
    text_copy((char *)header, 100, path);
    ksnprintf((char *)header + 100, 8, "%07o", 0644u);
    ksnprintf((char *)header + 124, 12, "%011o", (unsigned)size);
    memset(header + 148, ' ', 8);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    for (unsigned i = 0; i < 512; i++)
        sum += header[i];
    ksnprintf((char *)header + 148, 7, "%06o", sum);
    memset(header + 512, 0, ALIGN_UP(size, 512));
    memcpy(header + 512, data, size);
    tar_size += 512 + ALIGN_UP(size, 512);
}

/* NAME.tar with one file, etc/NAME, that holds `data`; its manifest says it holds `said`. */
static void make_package(const char *name, const char *depends, const char *data, const char *said)
{
    char manifest[512], digest[SHA256_TEXT], path[64];
    tar_size = 0;
    ksnprintf(manifest, sizeof manifest, "name %s\nversion 1.0\ndepends %s\nfile %s etc/%s\n", name, depends,
              sha256_text(said, strlen(said), digest), name);
    add_member("MANIFEST", manifest);
    ksnprintf(path, sizeof path, "etc/%s", name);
    add_member(path, data);
    memset(tar + tar_size, 0, 1024);
    ksnprintf(path, sizeof path, "/t/packages/%s.tar", name);
    vfs_mkdir("/t/packages");
    vfs_store(path, tar, tar_size + 1024);
}

static const char *install(const char *name)
{
    return pkg_install("/t", name, reason) ? "installed" : reason;
}

static bool is_there(const char *path)
{
    struct fs_stat stat;
    return !vfs_stat(path, &stat);
}

TEST(pkg, brings_its_dependencies_and_goes_without_a_trace)
{
    char text[64];
    ASSERT_TRUE(test_disk_begin(1024));
    make_package("base", "", "b", "b");
    make_package("web", "base", "w", "w");
    EXPECT_STR(install("web"), "installed");
    EXPECT_TRUE(is_there("/t/etc/base") && is_there("/t/etc/web"));
    EXPECT_STR(install("web"), "web is installed already");
    EXPECT_TRUE(pkg_installed("/t", 1, text, sizeof text));
    EXPECT_TRUE(text_glob("* 1.0", text));
    EXPECT_FALSE(pkg_installed("/t", 2, text, sizeof text));
    EXPECT_FALSE(pkg_remove("/t", "base", reason));
    EXPECT_STR(reason, "base is needed by web");
    EXPECT_TRUE(pkg_verify("/t", "web", reason));
    vfs_store("/t/etc/web", "x", 1);
    EXPECT_FALSE(pkg_verify("/t", "web", reason));
    EXPECT_STR(reason, "/t/etc/web was changed");
    EXPECT_TRUE(pkg_remove("/t", "web", reason));
    EXPECT_TRUE(pkg_remove("/t", "base", reason));
    EXPECT_FALSE(is_there("/t/etc"));
    EXPECT_FALSE(pkg_remove("/t", "base", reason));
    EXPECT_STR(reason, "base is not installed");
    test_disk_end();
}

TEST(pkg, refuses_what_is_not_right_and_writes_nothing)
{
    ASSERT_TRUE(test_disk_begin(1024));
    make_package("forged", "", "evil", "good");
    EXPECT_STR(install("forged"), "forged: etc/forged has another SHA-256 than the manifest says");
    make_package("alone", "nobody", "x", "x");
    EXPECT_STR(install("alone"), "no package nobody in /packages or /t/packages");
    make_package("one", "two", "x", "x");
    make_package("two", "one", "x", "x");
    EXPECT_STR(install("one"), "one depends on itself");
    EXPECT_FALSE(is_there("/t/etc"));
    vfs_mkdir("/t/etc");
    vfs_store("/t/etc/mine", "m", 1);
    make_package("mine", "", "x", "x");
    EXPECT_STR(install("mine"), "mine: /t/etc/mine is there already");
    EXPECT_STR(install("../x"), "'../x' is no package name");
    EXPECT_STR(install(".x"), "'.x' is no package name");
    vfs_store("/t/packages/junk.tar", "junk", 4);
    EXPECT_STR(install("junk"), "expected a ustar archive that begins with MANIFEST");
    make_package("other", "", "x", "x");
    vfs_rename("/t/packages/other.tar", "/t/packages/name.tar");
    EXPECT_STR(install("name"), "name.tar holds other");
    test_disk_end();
}

TEST(pkg, what_was_cut_off_is_cleared_away)
{
    static const char part[] = "name base\nversion 0.9\nfile e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 old/x\n";
    ASSERT_TRUE(test_disk_begin(1024));
    make_package("base", "", "b", "b");
    vfs_mkdir("/t/old");
    vfs_store("/t/old/x", "", 0);
    vfs_mkdir("/t/packages/installed");
    vfs_store("/t/packages/installed/base.part", part, sizeof part - 1);
    EXPECT_STR(install("base"), "installed");
    EXPECT_FALSE(is_there("/t/old"));
    EXPECT_FALSE(is_there("/t/packages/installed/base.part"));
    test_disk_end();
}

static const char *parse(const char *manifest)
{
    static char text[512];
    static struct pkg_manifest parsed;
    text_copy(text, sizeof text, manifest);
    return pkg_parse(&parsed, text, reason) ? "right" : reason;
}

TEST(pkg, manifests_are_read_strictly)
{
    EXPECT_STR(parse("name a\nversion 1\n"), "right");
    EXPECT_STR(parse("# note\n\nname a\nversion 1\ndepends b c++\n"), "right");
    EXPECT_STR(parse("name A\nversion 1\n"), "manifest: expected a package name, found 'A'");
    EXPECT_STR(parse("name a/b\nversion 1\n"), "manifest: expected a package name, found 'a/b'");
    EXPECT_STR(parse("version 1\n"), "manifest: expected a name and a version, found ''");
    EXPECT_STR(parse("nam a\n"), "manifest: expected name, version, depends or file, found 'nam'");
    EXPECT_STR(parse("file 12 x\n"), "manifest: expected 64 hexadecimal digits, found '12'");
#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    EXPECT_TRUE(text_glob("manifest: expected a path *", parse("file " DIGEST " ../x\n")));
    EXPECT_TRUE(text_glob("manifest: expected a path *", parse("file " DIGEST " /x\n")));
    EXPECT_TRUE(text_glob("manifest: expected a path *", parse("file " DIGEST " a//x\n")));
    EXPECT_TRUE(text_glob("manifest: expected a path *", parse("file " DIGEST " packages/installed/x\n")));
    EXPECT_TRUE(text_glob("manifest: expected a path *", parse("file " DIGEST " \n")));
}

TEST(pkg, archives_are_read_strictly)
{
    struct ustar_entry entry;
    bool broken;
    tar_size = 0;
    add_member("a", "data");
    memset(tar + tar_size, 0, 512);
    struct ustar archive = {tar, tar_size + 512, 0};
    EXPECT_TRUE(ustar_next(&archive, &entry, &broken));
    EXPECT_STR(entry.path, "a");
    EXPECT_EQ(entry.size, 4);
    EXPECT_FALSE(ustar_next(&archive, &entry, &broken) || broken);
    for (size_t cut = 1; cut < tar_size; cut += 100) {
        archive = (struct ustar){tar, cut, 0};
        EXPECT_TRUE(ustar_next(&archive, &entry, &broken) == (cut >= 516));
    }
    tar[124] = '7'; /* the checksum notices */
    archive = (struct ustar){tar, tar_size, 0};
    EXPECT_FALSE(ustar_next(&archive, &entry, &broken));
    EXPECT_TRUE(broken);
}

TEST(pkg_action, installs_lists_and_removes)
{
    ASSERT_TRUE(test_disk_begin(1024));
    make_package("hello", "", "h", "h");
    EXPECT_TRUE(text_glob("*hello can be installed.\n*", test_action(ACTION_APP_INSTALL_search, "")));
    EXPECT_STR(test_action(ACTION_APP_INSTALL_install, "hello"), "hello is installed below /t.\n");
    EXPECT_STR(test_action(ACTION_APP_INSTALL_install, "hello"), "hello was not installed: hello is installed already.\n");
    EXPECT_TRUE(text_glob("*hello 1.0 is installed.\n*", test_action(ACTION_APP_INSTALL_install, "")));
    EXPECT_TRUE(text_glob("1 packages are installed*", test_action(ACTION_TROUBLESHOOT_diagnose, "package")));
    EXPECT_STR(test_action(ACTION_APP_INSTALL_remove, "hello"), "This removes the package hello 1.0 and its files.\nhello is removed.\n");
    EXPECT_TRUE(text_glob("No package hello is installed.*", test_action(ACTION_APP_INSTALL_remove, "hello")));
    EXPECT_FALSE(is_there("/t/etc/hello"));
    test_disk_end();
}

TEST(pkg_action, names_that_would_lead_elsewhere_are_refused)
{
    ASSERT_TRUE(test_disk_begin(1024));
    EXPECT_TRUE(text_glob("* was not installed: *", test_action(ACTION_APP_INSTALL_install, "../../etc/x")));
    EXPECT_TRUE(text_glob("No package ../etc is installed.*", test_action(ACTION_APP_INSTALL_remove, "../etc")));
    test_disk_end();
    EXPECT_TRUE(pkg_root() || text_glob("Nothing can be installed: no disk*", test_action(ACTION_APP_INSTALL_install, "hello")));
}
