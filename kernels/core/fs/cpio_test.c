/* cpio archives, whole and damaged, and what the boot loader brought. */
#include "cpio.h"
#include "boot.h"
#include "cpio_image.h"
#include "panic.h"
#include "print.h"
#include "string.h"
#include "test.h"

static char image[2048];
static size_t image_size;

void cpio_image_begin(void)
{
    memset(image, 0, sizeof image);
    image_size = 0;
}

void cpio_image_add(const char *name, uint32_t mode, const char *data)
{
    size_t size = strlen(data), name_size = strlen(name) + 1, start = ALIGN_UP(110 + name_size, 4);
    char *at = image + image_size;
    ASSERT(image_size + start + size + 4 < sizeof image);
    ksnprintf(at, 111, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, mode, 0, 0, 1, 77, size, 0, 0, 0,
              0, name_size, 0);
    memcpy(at + 110, name, name_size);
    memcpy(at + start, data, size);
    image_size += ALIGN_UP(start + size, 4);
}

void cpio_image_end(void) { cpio_image_add("TRAILER!!!", 0, ""); }
char *cpio_image_data(void) { return image; }
size_t cpio_image_size(void) { return image_size; }

static struct cpio small_archive(void)
{
    cpio_image_begin();
    cpio_image_add("etc", CPIO_MODE_FOLDER | 0755, "");
    cpio_image_add("etc/motd", CPIO_MODE_FILE | 0644, "hello\n");
    cpio_image_end();
    return (struct cpio){image, image_size, 0};
}

TEST(cpio, lists_members_up_to_the_trailer)
{
    struct cpio cpio = small_archive();
    struct cpio_entry entry;
    ASSERT_TRUE(cpio_next(&cpio, &entry));
    EXPECT_STR(entry.name, "etc");
    EXPECT_FALSE(cpio_is_file(&entry));
    ASSERT_TRUE(cpio_next(&cpio, &entry));
    EXPECT_STR(entry.name, "etc/motd");
    EXPECT_EQ(entry.size, 6);
    EXPECT_EQ(entry.mtime, 77);
    EXPECT_TRUE(!memcmp(entry.data, "hello\n", 6));
    EXPECT_FALSE(cpio_next(&cpio, &entry));
}

TEST(cpio, stops_at_what_is_damaged)
{
    struct cpio_entry entry;
    for (size_t cut = 0; cut < 110; cut++) {
        struct cpio cpio = small_archive();
        image[cut] = 'x';
        EXPECT_FALSE(cpio_next(&cpio, &entry) && cut < 6);
    }
    struct cpio cpio = small_archive();
    memcpy(image + 6 + 6 * 8, "ffffffff", 8); /* the size of "etc" */
    EXPECT_FALSE(cpio_next(&cpio, &entry));
    cpio = small_archive();
    memcpy(image + 6 + 11 * 8, "ffffffff", 8); /* the size of its name */
    EXPECT_FALSE(cpio_next(&cpio, &entry));
    cpio = small_archive();
    cpio.size = 110 + 3; /* the name's end is missing */
    EXPECT_FALSE(cpio_next(&cpio, &entry));
}

TEST(module, is_known_by_its_last_path_component)
{
    static struct boot_info boot;
    boot = (struct boot_info){0};
    boot_add_module(&boot, 0x1000, 16, "/boot/slm.gguf quiet", 64);
    boot_add_module(&boot, 0x3000, 16, "abcdef", 3);
    boot_add_module(&boot, 0x5000, 16, NULL, 0);
    boot_add_module(&boot, UINT64_MAX, 16, NULL, 0);
    boot_add_module(&boot, 0x7000, 0, NULL, 0);
    ASSERT_EQ(boot.module_count, 3);
    EXPECT_EQ(boot.reserved_count, 3);
    EXPECT_STR(boot.modules[0].name, "slm.gguf");
    EXPECT_STR(boot.modules[1].name, "abc");
    EXPECT_STR(boot.modules[2].name, "");
}
