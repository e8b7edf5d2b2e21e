#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "net/tls_bundle.h"
#include "tls_peer.h"
#include "util/text.h"

#define OTHERS 40               /* enough that the file is no small one */

struct fixture {
    char *path;
    struct identity others[OTHERS];
    struct identity root;
    struct identity namesake;   /* of root, with another key */
};

static struct identity make_root(const char *name)
{
    const struct recipe recipe = { name, NULL, -10, 1000, true, NULL };

    return make_identity(&recipe, NULL);
}

static struct identity make_leaf(const struct identity *issuer)
{
    static const struct recipe recipe = { "x", "DNS:a.example", -1, 9, false,
                                          NULL };
    return make_identity(&recipe, issuer);
}

static int set_up(void **state)
{
    struct fixture *f = alloc_zero(1, sizeof *f);

    f->path = alloc_string("/tmp/tls_bundle_test.XXXXXX");
    int fd = mkstemp(f->path);
    if (fd == -1)
        return -1;
    close(fd);
    for (size_t i = 0; i < OTHERS; i++) {
        char *name = alloc_format("Other Root %zu", i);
        f->others[i] = make_root(name);
        free(name);
    }
    f->root = make_root("Test Root");
    f->namesake = make_root("Test Root");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    unlink(f->path);
    free(f->path);
    for (size_t i = 0; i < OTHERS; i++)
        free_identity(&f->others[i]);
    free_identity(&f->root);
    free_identity(&f->namesake);
    free(f);
    return 0;
}

/* All others, with extra text and certificates in between. */
static void write_bundle(struct fixture *f, const char *text,
                         X509 *const *certificates)
{
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    for (size_t i = 0; i < OTHERS; i++) {
        fprintf(file, "\n# Other %zu\n", i);
        PEM_write_X509(file, f->others[i].certificate);
        if (i == 20) {
            fputs(text, file);
            for (; *certificates != NULL; certificates++)
                PEM_write_X509(file, *certificates);
        }
    }
    fclose(file);
}

/* What X509_verify_cert() says about a leaf with the bundle as the store. */
static int verdict(struct fixture *f, const struct identity *leaf)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    assert_true(tls_bundle_use(store, f->path));
    assert_int_equal(truncate(f->path, 0), 0);      /* it was read already */
    X509_STORE_CTX_init(ctx, store, leaf->certificate, NULL);
    (void)X509_verify_cert(ctx);
    int result = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return result;
}

static void finds_the_issuer_among_many(void **state)
{
    struct fixture *f = *state;
    struct identity leaf = make_leaf(&f->root);

    write_bundle(f, "", (X509 *[]){ f->root.certificate, NULL });
    assert_int_equal(verdict(f, &leaf), X509_V_OK);
    write_bundle(f, "", (X509 *[]){ NULL });
    assert_int_equal(verdict(f, &leaf),
                     X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    free_identity(&leaf);
    leaf = make_leaf(&f->others[OTHERS - 1]);
    write_bundle(f, "", (X509 *[]){ NULL });
    assert_int_equal(verdict(f, &leaf), X509_V_OK);
    free_identity(&leaf);
}

/* A root that was renewed under its name: both must be tried. */
static void tries_all_of_one_name(void **state)
{
    struct fixture *f = *state;
    struct identity leaves[] = { make_leaf(&f->root),
                                 make_leaf(&f->namesake) };

    for (size_t i = 0; i < COUNT(leaves); i++) {
        write_bundle(f, "", (X509 *[]){ f->root.certificate,
                                        f->root.certificate,
                                        f->namesake.certificate, NULL });
        assert_int_equal(verdict(f, &leaves[i]), X509_V_OK);
        free_identity(&leaves[i]);
    }
}

/* RFC 5280 section 7.1: case, blanks and string types do not matter. */
static void compares_names_as_they_are_meant(void **state)
{
    struct fixture *f = *state;
    struct identity leaf = make_leaf(&f->root);
    X509_NAME *name = X509_NAME_new();

    X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING,
                               (const unsigned char *)" test  ROOT", -1, -1,
                               0);
    X509_set_issuer_name(leaf.certificate, name);
    X509_sign(leaf.certificate, f->root.key, EVP_sha256());
    write_bundle(f, "", (X509 *[]){ f->root.certificate, NULL });
    assert_int_equal(verdict(f, &leaf), X509_V_OK);
    X509_NAME_free(name);
    free_identity(&leaf);
}

static void damage_costs_one_certificate_only(void **state)
{
    struct fixture *f = *state;
    struct identity leaf = make_leaf(&f->root);
    static const char *const damages[] = {
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIT/////////\n"
        "-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAQwAgIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAYwBKACAgE=\n"
        "-----END CERTIFICATE-----\n",
    };

    for (size_t i = 0; i < COUNT(damages); i++) {
        write_bundle(f, damages[i],
                     (X509 *[]){ f->root.certificate, NULL });
        assert_int_equal(verdict(f, &leaf), X509_V_OK);
    }
    free_identity(&leaf);
}

static void refuses_what_holds_no_certificate(void **state)
{
    struct fixture *f = *state;
    X509_STORE *store = X509_STORE_new();
    FILE *file = fopen(f->path, "w");

    assert_false(tls_bundle_use(store, "/nonexistent"));
    assert_false(tls_bundle_use(store, "/tmp"));
    assert_false(tls_bundle_use(store, f->path));
    for (int i = 0; i < 3000; i++)
        fputs("no certificate\n", file);
    fclose(file);
    assert_false(tls_bundle_use(store, f->path));
    X509_STORE_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_issuer_among_many),
        cmocka_unit_test(tries_all_of_one_name),
        cmocka_unit_test(compares_names_as_they_are_meant),
        cmocka_unit_test(damage_costs_one_certificate_only),
        cmocka_unit_test(refuses_what_holds_no_certificate),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
