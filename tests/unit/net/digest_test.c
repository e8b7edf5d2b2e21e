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
    enum digest digest;
    const char *key;
    const char *data;
    const char *mac;
} macs[] = {
    { DIGEST_MD5, "Jefe", "what do ya want for nothing?",   /* RFC 2202 */
      "750c783e6ab0b503eaa86e310a5db738" },
    { DIGEST_MD5,
      "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
      "Hi There", "9294727a3638bb1c13f48ef8158bfc9d" },     /* RFC 2202 */
    { DIGEST_MD5, "tanstaaftanstaaf",                       /* RFC 2195 */
      "<1896.697170952@postoffice.reston.mci.net>",
      "b913a602c7eda7a495b4e6e7334d3890" },
    { DIGEST_MD5, "", "", "74e6f7298a9c2d168935f58c001bad88" },
    { DIGEST_SHA256, "Jefe", "what do ya want for nothing?",    /* RFC 4231 */
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { DIGEST_SHA256, "", "",
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
    { DIGEST_SHA512, "Jefe", "what do ya want for nothing?",    /* RFC 4231 */
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
      "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
};

static void makes_macs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(macs); i++) {
        unsigned char sum[DIGEST_SIZE_MAX];
        const struct digest_key key = { macs[i].digest, macs[i].key,
                                        strlen(macs[i].key) };
        assert_true(digest_hmac(&key, macs[i].data, strlen(macs[i].data),
                                sum));
        assert_hex(sum, digest_size(macs[i].digest), macs[i].mac);
    }
}

static void makes_mac_with_key_longer_than_a_block(void **state)
{
    static const char data[] =                          /* RFC 4231, case 6 */
        "Test Using Larger Than Block-Size Key - Hash Key First";
    unsigned char octets[131], sum[DIGEST_SHA256_SIZE];
    const struct digest_key key = { DIGEST_SHA256, octets, sizeof octets };

    (void)state;
    memset(octets, 0xaa, sizeof octets);
    assert_true(digest_hmac(&key, data, sizeof data - 1, sum));
    assert_hex(sum, sizeof sum, "60e431591ee0b67f0d8a26aacbf5b77f"
                                "8e0bc6213728c5140546040f0ee37f54");
}

static void hashes(void **state)
{
    unsigned char sum[DIGEST_SIZE_MAX];

    (void)state;
    assert_true(digest_sum(DIGEST_SHA256, "", 0, sum));
    assert_hex(sum, 32, "e3b0c44298fc1c149afbf4c8996fb924"
                        "27ae41e4649b934ca495991b7852b855");
    assert_true(digest_sum(DIGEST_SHA256, "abc", 3, sum));  /* FIPS 180-2 */
    assert_hex(sum, 32, "ba7816bf8f01cfea414140de5dae2223"
                        "b00361a396177a9cb410ff61f20015ad");
    assert_true(digest_sum(DIGEST_SHA512, "abc", 3, sum));  /* FIPS 180-2 */
    assert_hex(sum, 64, "ddaf35a193617abacc417349ae204131"
                        "12e6fa4e89a97ea20a9eeee64b55d39a"
                        "2192992a274fc1a836ba3c23a3feebbd"
                        "454d4423643ce80e2a9ac94fa54ca49f");
}

static void names_a_token(void **state)
{
    struct buf name;

    (void)state;
    buf_init(&name, 64);
    assert_true(digest_name(&name, "abc"));
    assert_string_equal(name.data, "ba7816bf8f01cfea414140de5dae2223"
                                   "b00361a396177a9cb410ff61f20015ad");
    buf_free(&name);
}

static void stretches_passwords(void **state)
{
    const struct digest_key password = { DIGEST_SHA256, "password", 8 };
    const struct digest_key longer = { DIGEST_SHA512, "password", 8 };
    unsigned char out[DIGEST_SIZE_MAX];

    (void)state;
    assert_true(digest_pbkdf2(&password, "salt", 4, 1, out));
    assert_hex(out, 32, "120fb6cffcf8b32c43e7225256c4f837"
                        "a86548c92ccc35480805987cb70be17b");
    assert_true(digest_pbkdf2(&password, "salt", 4, 4096, out));
    assert_hex(out, 32, "c5e478d59288c841aa530db6845c4c8d"
                        "962893a001ce4e11a4963873aa98134a");
    assert_true(digest_pbkdf2(&longer, "salt", 4, 1, out));
    assert_hex(out, 64, "867f70cf1ade02cff3752599a3a53dc4"
                        "af34c7a669815ae5d513554e1c8cf252"
                        "c02d470a285a0501bad999bfe943c08f"
                        "050235d7d68b1da55e63f73b60a57fce");
    assert_false(digest_pbkdf2(&password, "salt", 4, 0, out));
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
        cmocka_unit_test(names_a_token),
        cmocka_unit_test(stretches_passwords),
        cmocka_unit_test(compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
