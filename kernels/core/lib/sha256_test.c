/* SHA-256 against the examples of FIPS 180-2, appendix B, and lengths around a block. */
#include "sha256.h"
#include "string.h"
#include "test.h"

static char text[SHA256_TEXT];

TEST(sha256, gives_the_standards_digests)
{
    EXPECT_STR(sha256_text("", 0, text), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_STR(sha256_text("abc", 3, text), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_STR(sha256_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256, pieces_make_the_whole)
{
    static uint8_t data[200], one[SHA256_SIZE], other[SHA256_SIZE];
    struct sha256 hash;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    for (unsigned cut = 0; cut < sizeof data; cut += 13) {
        sha256_begin(&hash);
        sha256_add(&hash, data, sizeof data);
        sha256_end(&hash, one);
        sha256_begin(&hash);
        sha256_add(&hash, data, cut);
        sha256_add(&hash, data + cut, sizeof data - cut);
        sha256_end(&hash, other);
        EXPECT_TRUE(!memcmp(one, other, sizeof one));
    }
}
