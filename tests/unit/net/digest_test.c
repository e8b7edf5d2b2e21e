#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "net/digest.h"
#include "util/buf.h"
#include "util/text.h"

/* Compare octets with hexadecimal digits. */
static void assert_hex(const unsigned char *data, size_t length,
                       const char *hex)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX);
    for (size_t i = 0; i < length; i++)
        buf_add_format(&shown, "%02x", data[i]);
    assert_string_equal(shown.data, hex);
    buf_free(&shown);
}

static const struct {
    const char *key;
    const char *data;
    const char *md5;
    const char *sha256;
} macs[] = {
    { "Jefe", "what do ya want for nothing?",           /* RFC 2202, 4231 */
      "750c783e6ab0b503eaa86e310a5db738",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
      "Hi There",
      "9294727a3638bb1c13f48ef8158bfc9d", "" },         /* RFC 2202 */
    { "tanstaaftanstaaf", "<1896.697170952@postoffice.reston.mci.net>",
      "b913a602c7eda7a495b4e6e7334d3890", "" },         /* RFC 2195 */
    { "", "",
      "74e6f7298a9c2d168935f58c001bad88",
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

static void makes_macs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(macs); i++) {
        unsigned char sum[DIGEST_SHA256_SIZE];
        size_t key = strlen(macs[i].key), data = strlen(macs[i].data);
        assert_true(digest_hmac_md5(macs[i].key, key, macs[i].data, data,
                                    sum));
        assert_hex(sum, DIGEST_MD5_SIZE, macs[i].md5);
        if (*macs[i].sha256 == '\0')
            continue;
        assert_true(digest_hmac_sha256(macs[i].key, key, macs[i].data, data,
                                       sum));
        assert_hex(sum, DIGEST_SHA256_SIZE, macs[i].sha256);
    }
}

static void makes_mac_with_key_longer_than_a_block(void **state)
{
    static const char data[] =                          /* RFC 4231, case 6 */
        "Test Using Larger Than Block-Size Key - Hash Key First";
    unsigned char key[131], sum[DIGEST_SHA256_SIZE];

    (void)state;
    memset(key, 0xaa, sizeof key);
    assert_true(digest_hmac_sha256(key, sizeof key, data, sizeof data - 1,
                                   sum));
    assert_hex(sum, sizeof sum, "60e431591ee0b67f0d8a26aacbf5b77f"
                                "8e0bc6213728c5140546040f0ee37f54");
}

static void hashes(void **state)
{
    unsigned char sum[DIGEST_SHA256_SIZE];

    (void)state;
    assert_true(digest_sha256("", 0, sum));
    assert_hex(sum, sizeof sum, "e3b0c44298fc1c149afbf4c8996fb924"
                                "27ae41e4649b934ca495991b7852b855");
    assert_true(digest_sha256("abc", 3, sum));          /* FIPS 180-2 */
    assert_hex(sum, sizeof sum, "ba7816bf8f01cfea414140de5dae2223"
                                "b00361a396177a9cb410ff61f20015ad");
}

static void stretches_passwords(void **state)
{
    unsigned char out[DIGEST_SHA256_SIZE];

    (void)state;
    assert_true(digest_pbkdf2_sha256("password", 8, "salt", 4, 1, out));
    assert_hex(out, sizeof out, "120fb6cffcf8b32c43e7225256c4f837"
                                "a86548c92ccc35480805987cb70be17b");
    assert_true(digest_pbkdf2_sha256("password", 8, "salt", 4, 4096, out));
    assert_hex(out, sizeof out, "c5e478d59288c841aa530db6845c4c8d"
                                "962893a001ce4e11a4963873aa98134a");
    assert_false(digest_pbkdf2_sha256("password", 8, "salt", 4, 0, out));
}

static void compares(void **state)
{
    (void)state;
    assert_true(digest_equal("abcd", "abcd", 4));
    assert_false(digest_equal("abcd", "abce", 4));
    assert_true(digest_equal("abcd", "abce", 3));
    assert_true(digest_equal("a", "b", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_macs),
        cmocka_unit_test(makes_mac_with_key_longer_than_a_block),
        cmocka_unit_test(hashes),
        cmocka_unit_test(stretches_passwords),
        cmocka_unit_test(compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
