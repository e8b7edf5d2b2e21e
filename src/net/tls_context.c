#include "net/tls_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "net/digest.h"
#include "net/tls.h"
#include "net/tls_store.h"
#include "net/tls_verify.h"
#include "util/alloc.h"
#include "util/text.h"

#define SESSION_SECONDS 3600    /* after that the chain is verified again */

struct tls_context {
    SSL_CTX *ssl;
    bool is_pinned;
    unsigned char pin[DIGEST_SHA256_SIZE];
    SSL_SESSION *session;       /* the last one that can be resumed, or NULL */
    time_t session_start;
    char *session_host;
};

static int check_peer(X509_STORE_CTX *ctx, void *ignored)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(
        ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_context *context =
        SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)ignored;
    return tls_verify_peer(ctx, context->is_pinned ? context->pin : NULL,
                           SSL_get_app_data(ssl));
}

static void forget_session(struct tls_context *context)
{
    SSL_SESSION_free(context->session);
    free(context->session_host);
    context->session = NULL;
    context->session_host = NULL;
}

/* OpenSSL has a session for us; 1: we keep it. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct tls_peer *peer = SSL_get_app_data(ssl);

    forget_session(context);
    context->session = session;
    context->session_start = time(NULL);
    context->session_host = alloc_string(peer->host);
    return 1;
}

void tls_context_resume(struct tls_context *context, SSL *ssl,
                        const struct tls_peer *peer)
{
    if (context->session == NULL)
        return;
    time_t age = time(NULL) - context->session_start;
    if (age >= 0 && age < SESSION_SECONDS &&
        strcmp(peer->host, context->session_host) == 0)
        (void)SSL_set_session(ssl, context->session);
    /* RFC 8446 appendix C.4: a ticket is used once; new ones come. */
    forget_session(context);
}

SSL *tls_context_start(struct tls_context *context, struct tls_peer *peer)
{
    SSL *ssl = SSL_new(context->ssl);

    if (ssl != NULL && SSL_set_app_data(ssl, peer) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

/* OpenSSL's own would ask on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *asked)
{
    (void)out;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* asked is set by no_passphrase(). */
static bool set_key(SSL_CTX *ssl, const char *path, const bool *asked,
                    struct error *err)
{
    struct stat status;

    if (stat(path, &status) == -1 || access(path, R_OK) == -1)
        return error_sys(err, FAULT_CONFIG, "tls_key_file %s", path);
    if ((status.st_mode & S_IRWXO) != 0)
        return error_set(err, FAULT_CONFIG, "tls_key_file %s: others can read "
                         "or write it", path) ||
               error_remedy(err, "chmod o= %s", path);

    ERR_clear_error();
    bool usable = SSL_CTX_use_PrivateKey_file(ssl, path,
                                              SSL_FILETYPE_PEM) == 1 &&
                  SSL_CTX_check_private_key(ssl) == 1;
    bool foreign = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509;
    ERR_clear_error();
    if (usable)
        return true;
    if (foreign)
        return error_set(err, FAULT_CONFIG, "tls_key_file %s: does not belong "
                         "to the certificate in tls_cert_file", path);
    if (*asked)
        return error_set(err, FAULT_CONFIG, "tls_key_file %s: is protected by "
                         "a passphrase", path) ||
               error_remedy(err, "store it without");
    return error_set(err, FAULT_CONFIG,
                     "tls_key_file %s: holds no usable PEM private key", path);
}

static bool set_client_certificate(SSL_CTX *ssl,
                                   const struct tls_settings *settings,
                                   struct error *err)
{
    const char *path = settings->cert_file;
    bool asked = false;

    if (*path == '\0') {
        if (*settings->key_file == '\0')
            return true;
        return error_set(err, FAULT_CONFIG,
                         "tls_key_file is set, but tls_cert_file is not");
    }
    if (access(path, R_OK) == -1)
        return error_sys(err, FAULT_CONFIG, "tls_cert_file %s", path);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, &asked);
    if (SSL_CTX_use_certificate_chain_file(ssl, path) != 1) {
        ERR_clear_error();
        return error_set(err, FAULT_CONFIG, "tls_cert_file %s: holds no "
                         "usable PEM certificate", path);
    }
    return set_key(ssl, *settings->key_file != '\0' ? settings->key_file
                                                    : path, &asked, err);
}

static bool set_pin(struct tls_context *context, const char *text,
                    struct error *err)
{
    if (strlen(text) != 2 * DIGEST_SHA256_SIZE ||
        strspn(text, TEXT_HEX_DIGITS) != 2 * DIGEST_SHA256_SIZE)
        return error_set(err, FAULT_CONFIG, "tls_fingerprint must be a "
                         "SHA-256: 64 hexadecimal digits");
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
        context->pin[i] = (unsigned char)(text_hex_value(text[2 * i]) << 4 |
                                          text_hex_value(text[2 * i + 1]));
    context->is_pinned = true;
    return true;
}

/* The authorities to trust: a fingerprint needs no store. */
static bool set_trust(struct tls_context *context,
                      const struct tls_settings *settings, struct error *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);

    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context->ssl, check_peer, NULL);
    if (*settings->fingerprint != '\0')
        return set_pin(context, settings->fingerprint, err);
    if (*settings->ca_file != '\0')
        return tls_store_file(store, settings->ca_file, err);
    return tls_store_system(store, err);
}

static bool set_groups(SSL_CTX *ssl, const char *groups, struct error *err)
{
    bool known = *groups == '\0' || SSL_CTX_set1_groups_list(ssl, groups) == 1;

    ERR_clear_error();
    return known ||
           error_set(err, FAULT_CONFIG, "tls_groups = %s: OpenSSL does not "
                     "know all of these", groups) ||
           error_remedy(err, "set tls_groups = \"X25519:P-256\"");
}

/* Groups and ciphers are OpenSSL's (X25519 first) or the system's policy. */
static bool set_protocol(SSL_CTX *ssl, unsigned min_version)
{
    long wanted = min_version >= 13 ? TLS1_3_VERSION : TLS1_2_VERSION;

    /* The system's policy may be stricter. */
    if (SSL_CTX_get_min_proto_version(ssl) > wanted)
        wanted = SSL_CTX_get_min_proto_version(ssl);
    /* A missing close_notify is judged by whether a reply was whole. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT |
                                            SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, keep_session);
    return SSL_CTX_set_min_proto_version(ssl, (int)wanted) == 1;
}

/* A key of its own, written and read: a peer's certificate has one. */
static void decode_a_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    unsigned char *octets = NULL;
    int length = key == NULL ? -1 : i2d_PUBKEY(key, &octets);
    const unsigned char *end = octets;

    if (length > 0)
        EVP_PKEY_free(d2i_PUBKEY(NULL, &end, length));
    OPENSSL_free(octets);
    EVP_PKEY_free(key);
}

/* Up to the ClientHello, which goes nowhere. */
static void begin_handshake(SSL_CTX *ssl_ctx)
{
    SSL *ssl = SSL_new(ssl_ctx);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

    if (ssl != NULL && in != NULL && out != NULL) {
        SSL_set_bio(ssl, in, out);
        (void)SSL_connect(ssl);
    } else {
        BIO_free(in);
        BIO_free(out);
    }
    SSL_free(ssl);
}

void tls_warm_up(void)
{
    SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_client_method());

    if (ssl_ctx != NULL)
        begin_handshake(ssl_ctx);
    SSL_CTX_free(ssl_ctx);
    decode_a_key();
    ERR_clear_error();
}

/* No provider is active, no random numbers can be had, and the like. */
static void explain_openssl(struct error *err)
{
    unsigned long code = ERR_peek_error();

    /* Strings are loaded only where they are needed. */
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS |
                     OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    const char *reason = ERR_reason_error_string(code);
    error_set(err, FAULT_SYSTEM, "OpenSSL cannot be used: %s (error %08lx)",
              reason != NULL ? reason : "unknown", code);
    error_remedy(err, "is its configuration right (openssl.cnf, "
                 "OPENSSL_CONF)?");
    ERR_clear_error();
}

struct tls_context *tls_context_new(const struct tls_settings *settings,
                                    struct error *err)
{
    struct tls_context *context = alloc_zero(1, sizeof *context);

    /* Memory of the process need not be taken apart before it ends. */
    (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
    context->ssl = SSL_CTX_new(TLS_client_method());
    if (context->ssl == NULL ||
        !set_protocol(context->ssl, settings->min_version)) {
        explain_openssl(err);
        tls_context_free(context);
        return NULL;
    }
    SSL_CTX_set_app_data(context->ssl, context);
    if (set_groups(context->ssl, settings->groups, err) &&
        set_trust(context, settings, err) &&
        set_client_certificate(context->ssl, settings, err))
        return context;
    tls_context_free(context);
    return NULL;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    forget_session(context);
    SSL_CTX_free(context->ssl);
    free(context);
}

bool tls_expiry(const char *path, int64_t *left, struct error *err)
{
    FILE *file = fopen(path, "re");
    int days = 0, seconds = 0;

    if (file == NULL)
        return error_sys(err, FAULT_CONFIG, "%s", path);
    X509 *certificate = PEM_read_X509_AUX(file, NULL, NULL, NULL);
    fclose(file);
    bool known = certificate != NULL &&
                 ASN1_TIME_diff(&days, &seconds, NULL,
                                X509_get0_notAfter(certificate)) == 1;
    X509_free(certificate);
    ERR_clear_error();
    *left = (int64_t)days * 86400 + seconds;
    return known || error_set(err, FAULT_CONFIG,
                              "%s: holds no PEM certificate", path);
}
