#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "net/tls.h"
#include "tls_peer.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#define LONG 10000

static const struct recipe good_recipe = { "smtp.example.com",
                                           "DNS:smtp.example.com", -10, 100,
                                           false, NULL };
static const struct tls_settings defaults = { .ca_file = "",
                                              .fingerprint = "",
                                              .cert_file = "",
                                              .key_file = "",
                                              .groups = "",
                                              .min_version = 12 };

static int set_up(void **state)
{
    struct authority *f = alloc_zero(1, sizeof *f);

    signal(SIGPIPE, SIG_IGN);
    make_authority(f, &good_recipe);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free_authority(*state);
    free(*state);
    return 0;
}

static void remove_file(char *path)
{
    unlink(path);
    free(path);
}

static struct tls_context *context_of(const struct tls_settings *settings)
{
    struct error err;
    struct tls_context *context = tls_context_new(settings, &err);

    if (context == NULL)
        fail_msg("%s", err.text);
    return context;
}

/* One handshake with a server; true if it succeeded. */
static bool try_handshake(const struct tls_settings *settings,
                          const struct server *server, const char *host,
                          struct error *err)
{
    struct tls_context *context = context_of(settings);
    struct peer peer;

    peer_start(&peer, server);
    struct tls *tls = tls_handshake(context, peer.fds[0], host,
                                    clock_now() + LONG, err);
    bool done = tls != NULL;
    tls_free(tls);
    close(peer.fds[0]);
    peer_end(&peer);
    tls_context_free(context);
    return done;
}

static void assert_verdict(const struct tls_settings *settings,
                           const struct server *server, const char *host,
                           const char *refusal)
{
    struct error err = { .fault = FAULT_NONE };
    bool done = try_handshake(settings, server, host, &err);

    if (done != (refusal == NULL))
        fail_msg("%s: %s: %s", host,
                 refusal == NULL ? "well" : refusal,
                 done ? "accepted" : err.text);
    if (done)
        return;
    assert_int_equal(err.fault, FAULT_TLS);
    if (strstr(err.text, refusal) == NULL)
        fail_msg("%s\n  is not: %s", err.text, refusal);
}

#define CERT "certificate of smtp.example.com: "

static const struct {
    struct recipe recipe;
    const char *host;
    const char *refusal;            /* part of the text; NULL: accepted */
} names[] = {
    { { "x", "DNS:smtp.example.com", -1, 9, false, NULL },
      "smtp.example.com", NULL },
    { { "x", "DNS:a.example,DNS:SMTP.example.COM", -1, 9, false, NULL },
      "Smtp.Example.com.", NULL },
    { { "x", "DNS:*.example.com", -1, 9, false, NULL },
      "smtp.example.com", NULL },
    { { "x", "DNS:*.example.com", -1, 9, false, NULL },
      "a.smtp.example.com", "is for *.example.com, not for a.smtp" },
    { { "x", "DNS:*.example.com", -1, 9, false, NULL },
      "example.com", "is for *.example.com, not for example.com" },
    { { "x", "DNS:s*.example.com", -1, 9, false, NULL },
      "smtp.example.com", CERT "is for s*.example.com, not for smtp" },
    { { "x", "DNS:smtp.*.com", -1, 9, false, NULL },
      "smtp.example.com", CERT "is for smtp.*.com, not for" },
    { { "smtp.example.com", "DNS:mail.other.example,email:a@b.example,IP:::1",
        -1, 9, false, NULL },
      "smtp.example.com",
      CERT "is for mail.other.example, ::1, not for smtp.example.com" },
    /* The common name is no name. */
    { { "smtp.example.com", NULL, -1, 9, false, NULL }, "smtp.example.com",
      CERT "has no subjectAltName that is a host name, not for smtp.example."
      "com; its common name does not count, and its administrator must renew "
      "it; or set tls_fingerprint" },
    { { "smtp.example.com", "email:a@smtp.example.com", -1, 9, false, NULL },
      "smtp.example.com", CERT "has no subjectAltName" },
    { { "x", "IP:127.0.0.1", -1, 9, false, NULL }, "127.0.0.1", NULL },
    { { "x", "IP:::1", -1, 9, false, NULL }, "[::1]", NULL },
    { { "x", "IP:fe80::1", -1, 9, false, NULL }, "fe80::1%lo", NULL },
    { { "x", "IP:127.0.0.2", -1, 9, false, NULL }, "127.0.0.1",
      "certificate of 127.0.0.1: is for 127.0.0.2, not for 127.0.0.1" },
    { { "x", "DNS:127.0.0.1", -1, 9, false, NULL }, "127.0.0.1",
      "certificate of 127.0.0.1: has 127.0.0.1 as a DNS name, where an address "
      "has to be an IP address (subjectAltName = IP:127.0.0.1); its "
      "administrator must make it so; or set tls_fingerprint" },
    { { "x", "DNS:127.0.0.12", -1, 9, false, NULL }, "127.0.0.1",
      "is for 127.0.0.12, not for 127.0.0.1; set host to a name" },
    { { "127.0.0.1", NULL, -1, 9, false, NULL }, "127.0.0.1", "has no subj" },
    { { "x", "DNS:evil\x1b[2J.example", -1, 9, false, NULL },
      "smtp.example.com", CERT "is for evil\\x1b[2J.example, not" },
    { { "x", "DNS:smtp.example.com", -1, 9, false, NULL },
      "", "is neither a host name nor an address" },
    { { "x", "DNS:smtp.example.com", -1, 9, false, NULL },
      ".example.com", "is neither a host name nor an address" },
    { { "x", "DNS:smtp.example.com", 2, 9, false, NULL },
      "smtp.example.com", CERT "is not valid before 2" },
    { { "x", "DNS:smtp.example.com", -9, 9, false, "clientAuth" },
      "smtp.example.com", CERT "un" },      /* unsuitable purpose */
};

static void compares_names(void **state)
{
    struct authority *f = *state;
    struct tls_settings settings = defaults;

    settings.ca_file = f->root_file;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct identity identity = make_identity(&names[i].recipe, &f->root);
        struct server server = { .identity = &identity };
        assert_verdict(&settings, &server, names[i].host, names[i].refusal);
        free_identity(&identity);
    }
}

static void be_weak(SSL_CTX *ctx)
{
    SSL_CTX_set_security_level(ctx, 0);
}

/* TLS 1.2 with a key exchange of 1024 bits. */
static void be_old(SSL_CTX *ctx)
{
    be_weak(ctx);
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, "DHE-RSA-AES128-GCM-SHA256");
    SSL_CTX_set_dh_auto(ctx, 2);
}

/* Another key in it, another digest: signed again by the root. */
static struct identity make_rsa_identity(const struct authority *f,
                                         unsigned bits, const EVP_MD *digest)
{
    struct identity made = make_identity(&good_recipe, &f->root);

    EVP_PKEY_free(made.key);
    made.key = EVP_RSA_gen(bits);
    X509_set_pubkey(made.certificate, made.key);
    if (X509_sign(made.certificate, f->root.key, digest) == 0)
        abort();
    return made;
}

/* It is refused for this reason, and taken with its fingerprint if pin. */
static void assert_weak(const struct authority *f, struct identity identity,
                        void (*adjust)(SSL_CTX *ctx), bool pin,
                        const char *refusal)
{
    struct tls_settings settings = defaults;
    struct server server = { .identity = &identity, .adjust = adjust };
    char *print = fingerprint_text(identity.certificate);

    settings.ca_file = f->root_file;
    assert_verdict(&settings, &server, "smtp.example.com", refusal);
    settings.fingerprint = print;
    if (pin)
        assert_verdict(&settings, &server, "smtp.example.com", NULL);
    free(print);
    free_identity(&identity);
}

static void says_what_is_too_weak(void **state)
{
    struct authority *f = *state;

    assert_weak(f, make_rsa_identity(f, 1024, EVP_sha256()), be_weak, true,
                CERT "has a key that is too small; its administrator must "
                "renew it; or set tls_fingerprint");
    assert_weak(f, make_rsa_identity(f, 2048, EVP_sha1()), be_weak, true,
                CERT "is signed with a digest that is too weak, as SHA-1 is; "
                "its administrator must renew it; or set tls_fingerprint");
    assert_weak(f, make_rsa_identity(f, 2048, EVP_sha256()), be_old, false,
                "the server is too old for TLS that is safe: its "
                "Diffie-Hellman key is too small; its administrator must "
                "update it");
}

static void says_when_a_certificate_expired(void **state)
{
    struct authority *f = *state;
    struct tls_settings settings = defaults;
    struct recipe recipe = good_recipe;
    char expected[80];

    recipe.to_days = -3;
    struct identity identity = make_identity(&recipe, &f->root);
    struct server server = { .identity = &identity };
    struct tm tm;
    ASN1_TIME_to_tm(X509_get0_notAfter(identity.certificate), &tm);
    strftime(expected, sizeof expected, CERT "expired on %Y-%m-%d", &tm);
    settings.ca_file = f->root_file;
    assert_verdict(&settings, &server, "smtp.example.com", expected);
    free_identity(&identity);
}

/* An old root comes from this machine, an old intermediate from the server. */
static void says_whose_authority_expired(void **state)
{
    struct authority *f = *state;
    struct recipe old = { "Old", NULL, -900, -3, true, NULL };
    struct tls_settings settings = defaults;

    struct identity root = make_identity(&old, NULL);
    struct identity between = make_identity(&old, &f->root);
    struct identity of_root = make_identity(&good_recipe, &root);
    struct identity of_between = make_identity(&good_recipe, &between);
    struct server server = { .identity = &of_root };
    char *file = write_pem(f->directory, "old.pem", root.certificate, NULL);
    settings.ca_file = file;
    assert_verdict(&settings, &server, "smtp.example.com",
                   "too old: update ca-certificates, or tls_ca_file");
    remove_file(file);
    server = (struct server){ .identity = &of_between,
                              .intermediate = &between };
    settings.ca_file = f->root_file;
    assert_verdict(&settings, &server, "smtp.example.com",
                   "its administrator must renew it");
    free_identity(&root);
    free_identity(&between);
    free_identity(&of_root);
    free_identity(&of_between);
}

static void knows_whom_to_trust(void **state)
{
    struct authority *f = *state;
    struct recipe other = { "Other \xc3\xa9\x1b Root", NULL, -10, 1000, true,
                            NULL };
    struct tls_settings settings = defaults;

    struct identity other_root = make_identity(&other, NULL);
    struct identity stranger = make_identity(&good_recipe, &other_root);
    struct identity alone = make_identity(&good_recipe, NULL);
    other.name = "Between";
    struct identity between = make_identity(&other, &f->root);
    struct identity leaf = make_identity(&good_recipe, &between);
    struct identity public_leaf = make_identity(&good_recipe, &between);
    add_extension(public_leaf.certificate, between.certificate, NID_info_access,
                  "caIssuers;URI:http://ca.example/between.crt");
    X509_sign(public_leaf.certificate, between.key, EVP_sha256());
    char *leaf_file = write_pem(f->directory, "leaf.pem", leaf.certificate,
                                NULL);
    char *alone_file = write_pem(f->directory, "alone.pem", alone.certificate,
                                 NULL);
    const struct {
        const struct identity *identity, *intermediate;
        const char *ca_file, *refusal;
    } cases[] = {
        { &stranger, NULL, f->root_file,
          CERT "issued by an authority that is not trusted "
               "(CN=Other \xc3\xa9\\1B Root); set tls_ca_file to a file that "
               "holds it, or let the server send the intermediate" },
        { &stranger, &other_root, f->root_file,
          CERT "issued by an authority that is not trusted "
               "(CN=Other \xc3\xa9\\1B Root); set tls_ca_file to a file that "
               "holds it" },
        { &public_leaf, NULL, f->root_file, "not trusted (CN=Between); its "
          "administrator must let the server send the intermediate" },
        { &alone, NULL, f->root_file,
          CERT "self-signed and not trusted, SHA-256 " },
        { &leaf, NULL, f->root_file, "not trusted (CN=Between)" },
        { &leaf, &between, f->root_file, NULL },
        { &alone, NULL, alone_file, NULL },     /* named by hand */
        { &leaf, NULL, leaf_file, NULL },
        { &f->good, NULL, leaf_file, "not trusted (CN=Test Root)" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct server server = { .identity = cases[i].identity,
                                 .intermediate = cases[i].intermediate };
        settings.ca_file = cases[i].ca_file;
        assert_verdict(&settings, &server, "smtp.example.com",
                       cases[i].refusal);
    }
    remove_file(leaf_file);
    remove_file(alone_file);
    free_identity(&other_root);
    free_identity(&stranger);
    free_identity(&alone);
    free_identity(&between);
    free_identity(&leaf);
    free_identity(&public_leaf);
}

static void pins_replace_chain_and_name(void **state)
{
    struct authority *f = *state;
    struct recipe recipe = good_recipe;
    struct tls_settings settings = defaults;

    recipe.to_days = -3;                        /* not even valid */
    recipe.alternatives = NULL;
    struct identity alone = make_identity(&recipe, NULL);
    struct server server = { .identity = &alone };
    char *right = fingerprint_text(alone.certificate);
    char *wrong = fingerprint_text(f->good.certificate);

    settings.fingerprint = right;
    assert_verdict(&settings, &server, "smtp.example.com", NULL);
    char *expected = alloc_format(CERT "its fingerprint is %s, not", right);
    settings.fingerprint = wrong;
    settings.ca_file = f->root_file;
    assert_verdict(&settings, &server, "smtp.example.com", expected);
    /* A pin is not a wider trust. */
    server.identity = &f->good;
    settings.fingerprint = right;
    assert_verdict(&settings, &server, "smtp.example.com", CERT "its finger");
    free(expected);
    free(right);
    free(wrong);
    free_identity(&alone);
}

static void demands_its_version(void **state)
{
    struct authority *f = *state;
    struct tls_settings settings = defaults;
    struct server server = { .identity = &f->good,
                             .max_version = TLS1_2_VERSION };

    settings.ca_file = f->root_file;
    assert_verdict(&settings, &server, "smtp.example.com", NULL);
    settings.min_version = 13;
    assert_verdict(&settings, &server, "smtp.example.com", "TLS handshake "
                   "with smtp.example.com: the server's TLS version is older "
                   "than tls_min_version");
}

static void refuses_bad_files(void **state)
{
    struct authority *f = *state;
    char *cert = write_pem(f->directory, "cert.pem", f->good.certificate,
                           NULL);
    char *key = write_pem(f->directory, "key.pem", NULL, f->good.key);
    char *other = write_pem(f->directory, "other.pem", NULL, f->root.key);
    char *open_key = write_pem(f->directory, "open.pem", NULL, f->good.key);
    char *locked = alloc_format("%s/locked.pem", f->directory);
    char passphrase[] = "secret";
    FILE *file = fopen(locked, "w");
    PEM_write_PrivateKey(file, f->good.key, EVP_aes_128_cbc(), NULL, 0, NULL,
                         passphrase);
    fclose(file);
    chmod(key, 0640);
    chmod(other, 0600);
    chmod(locked, 0600);
    chmod(open_key, 0644);
    const struct {
        const char *ca, *pin, *cert, *key, *text;
    } cases[] = {
        { "/nonexistent/ca", "", "", "",
          "tls_ca_file /nonexistent/ca: No such file" },
        { key, "", "", "", "key.pem: holds no PEM certificate" },
        { "", "1234", "", "", "tls_fingerprint must be" },
        { f->root_file, "", "/nonexistent/c", "", "tls_cert_file /nonex" },
        { f->root_file, "", key, key, "key.pem: holds no usable PEM cert" },
        { f->root_file, "", cert, "/nonexistent/k",
          "tls_key_file /nonexistent/k: No such file" },
        { f->root_file, "", "", key, "but tls_cert_file is not" },
        { f->root_file, "", cert, other,
          "other.pem: does not belong to the certificate" },
        { f->root_file, "", cert, locked, "protected by a passphrase" },
        { f->root_file, "", cert, open_key, "open.pem: others can read" },
        { f->root_file, "", cert, key, NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tls_settings settings = { cases[i].ca, cases[i].pin,
                                         cases[i].cert, cases[i].key, "",
                                         12 };
        struct error err = { .fault = FAULT_NONE };
        struct tls_context *context = tls_context_new(&settings, &err);
        if (cases[i].text == NULL ? context == NULL
                                  : strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu: %s", i, err.text);
        assert_true(context == NULL || cases[i].text == NULL);
        if (context == NULL)
            assert_int_equal(err.fault, FAULT_CONFIG);
        tls_context_free(context);
    }
    remove_file(cert);
    remove_file(key);
    remove_file(other);
    remove_file(locked);
    remove_file(open_key);
}

/* $SSL_CERT_DIR and $SSL_CERT_FILE: each may hold the root, or another one, or
 * be absent. */
static void finds_the_store(void **state)
{
    struct authority *f = *state;
    struct server server = { .identity = &f->good };
    const struct recipe stray = { "Stray", NULL, -10, 1000, true, NULL };
    struct identity other = make_identity(&stray, NULL);
    char *other_file = write_pem(f->directory, "other.pem", other.certificate,
                                 NULL);
    enum { ABSENT, OTHER, ROOT };
    const struct {
        int directory, file;
        bool usable, trusted;
    } cases[] = {
        { ROOT,   ABSENT, true,  true  },
        { ABSENT, ROOT,   true,  true  },
        { ROOT,   ROOT,   true,  true  },
        { OTHER,  ROOT,   true,  true  },
        { ROOT,   OTHER,  true,  true  },
        { OTHER,  OTHER,  true,  false },
        { ABSENT, ABSENT, false, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { .fault = FAULT_NONE };
        X509 *hashed = cases[i].directory == ROOT ? f->root.certificate
                                                  : other.certificate;
        char *name = alloc_format("%08lx.0", X509_NAME_hash_ex(
            X509_get_subject_name(hashed), NULL, NULL, NULL));
        char *directory = alloc_format("%s/store", f->directory);
        mkdir(directory, 0700);
        char *file = write_pem(directory, name, hashed, NULL);
        if (cases[i].directory == ABSENT)
            unlink(file);
        setenv("SSL_CERT_DIR", directory, 1);
        setenv("SSL_CERT_FILE", cases[i].file == ROOT    ? f->root_file
                                : cases[i].file == OTHER ? other_file
                                                         : "/nonexistent", 1);
        struct tls_context *context = tls_context_new(&defaults, &err);
        assert_int_equal(context != NULL, cases[i].usable);
        if (context == NULL)
            assert_int_equal(err.fault, FAULT_CONFIG);
        else
            assert_verdict(&defaults, &server, "smtp.example.com",
                           cases[i].trusted ? NULL : "not trusted");
        tls_context_free(context);
        unlink(file);
        rmdir(directory);
        free(file);
        free(directory);
        free(name);
    }
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
    remove_file(other_file);
    free_identity(&other);
}

/* A child that writes octets one by one, then is silent until it is killed;
 * the handshake, which has so many milliseconds, must fail with text. */
static void assert_handshake_fails(struct authority *f, const char *octets,
                                   size_t length, bool closes, int64_t patience,
                                   const char *text)
{
    struct tls_settings settings = defaults;
    struct error err = { .fault = FAULT_NONE };
    int fds[2];

    settings.ca_file = f->root_file;
    struct tls_context *context = context_of(&settings);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0) {
        char hello[4096];
        close(fds[0]);
        if (read(fds[1], hello, sizeof hello) <= 0)
            _exit(0);
        for (size_t i = 0; i < length; i++) {
            poll(NULL, 0, 5);
            if (write(fds[1], octets + i, 1) != 1)
                _exit(0);
        }
        poll(NULL, 0, closes ? 1 : LONG);
        _exit(0);
    }
    close(fds[1]);
    assert_null(tls_handshake(context, fds[0], "smtp.example.com",
                              clock_now() + patience, &err));
    assert_int_equal(err.fault, FAULT_TLS);
    if (strstr(err.text, text) == NULL)
        fail_msg("%s\n  is not: %s", err.text, text);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    tls_context_free(context);
}

static void handshake_is_bounded(void **state)
{
    struct authority *f = *state;
    char old_hello[47] = "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03";
    char slow[600] = "\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03";

    assert_handshake_fails(f, "", 0, false, 300, "TLS handshake with "
                           "smtp.example.com: not finished within 1 s");
    assert_handshake_fails(f, slow, sizeof slow, false, 300,
                           "not finished within 1 s");
    assert_handshake_fails(f, "", 0, true, LONG, "TLS handshake with "
                           "smtp.example.com: connection closed by the");
    assert_handshake_fails(f, slow, 7, true, LONG, "connection closed by the");
    /* TLS 1.2, a cipher, and no extension (RFC 5746). */
    old_hello[44] = '\xc0';
    old_hello[45] = '\x2f';
    assert_handshake_fails(f, old_hello, sizeof old_hello, false, LONG,
                           "the server is too old for secure renegotiation "
                           "(RFC 5746); its administrator must update it");
    assert_handshake_fails(f, "220 hi\r\n", 8, false, LONG, "TLS handshake "
                           "with smtp.example.com: the server does not speak "
                           "TLS on this port");
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(compares_names),
        TEST(says_what_is_too_weak),
        TEST(says_when_a_certificate_expired),
        TEST(says_whose_authority_expired),
        TEST(knows_whom_to_trust),
        TEST(pins_replace_chain_and_name),
        TEST(demands_its_version),
        TEST(refuses_bad_files),
        TEST(finds_the_store),
        TEST(handshake_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
