/*
 * tls_peer.h - certificates made on the spot, and TLS servers in children
 *
 * For the tests of net/tls.h only, which may use OpenSSL for the other side.
 */
#ifndef POSTRIDER_TESTS_TLS_PEER_H
#define POSTRIDER_TESTS_TLS_PEER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "util/alloc.h"
#include "util/buf.h"

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

struct recipe {
    const char *name;           /* the common name */
    const char *alternatives;   /* subjectAltName as in openssl.cnf, or NULL */
    long from_days;             /* valid from, counted from now */
    long to_days;
    bool is_authority;
    const char *usage;          /* extendedKeyUsage, or NULL */
};

static inline void add_extension(X509 *certificate, X509 *issuer, int nid,
                                 const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1)
        abort();
    X509_EXTENSION_free(extension);
}

/* Signed by issuer, or by itself if that is NULL. */
static inline struct identity make_identity(const struct recipe *recipe,
                                            const struct identity *issuer)
{
    static long serial = 1;
    struct identity made = { EVP_EC_gen("P-256"), X509_new() };
    X509 *certificate = made.certificate;
    X509_NAME *name = X509_get_subject_name(certificate);

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate),
                    recipe->from_days * 86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), recipe->to_days * 86400);
    X509_set_pubkey(certificate, made.key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *)recipe->name, -1, -1, 0);
    X509 *above = issuer == NULL ? certificate : issuer->certificate;
    X509_set_issuer_name(certificate, X509_get_subject_name(above));
    add_extension(certificate, above, NID_basic_constraints,
                  recipe->is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension(certificate, above, NID_subject_key_identifier, "hash");
    add_extension(certificate, above, NID_authority_key_identifier, "keyid");
    if (recipe->alternatives != NULL)
        add_extension(certificate, above, NID_subject_alt_name,
                      recipe->alternatives);
    if (recipe->usage != NULL)
        add_extension(certificate, above, NID_ext_key_usage, recipe->usage);
    if (X509_sign(certificate, issuer == NULL ? made.key : issuer->key,
                  EVP_sha256()) == 0)
        abort();
    return made;
}

static inline void free_identity(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
}

/* A new file in directory with certificate, key, or both; caller frees. */
static inline char *write_pem(const char *directory, const char *name,
                              X509 *certificate, EVP_PKEY *key)
{
    char *path = alloc_format("%s/%s", directory, name);
    FILE *file = fopen(path, "w");

    if (file == NULL ||
        (certificate != NULL && PEM_write_X509(file, certificate) != 1) ||
        (key != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL,
                                             NULL) != 1) ||
        fclose(file) != 0)
        abort();
    return path;
}

/* SHA-256 as in tls_fingerprint; the caller frees. */
static inline char *fingerprint_text(const X509 *certificate)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length;
    struct buf text;

    X509_digest(certificate, EVP_sha256(), sum, &length);
    buf_init(&text, SIZE_MAX);
    for (unsigned i = 0; i < length; i++)
        buf_add_format(&text, "%02x", sum[i]);
    return buf_take(&text);
}

/* An authority whose certificate is in a folder, and one that it has signed. */
struct authority {
    char *directory;
    struct identity root;
    char *root_file;
    struct identity good;
};

static inline void make_authority(struct authority *authority,
                                  const struct recipe *good)
{
    static const struct recipe root = { "Test Root", NULL, -10, 1000, true,
                                        NULL };

    authority->directory = alloc_string("/tmp/tls_test.XXXXXX");
    if (mkdtemp(authority->directory) == NULL)
        abort();
    authority->root = make_identity(&root, NULL);
    authority->root_file = write_pem(authority->directory, "root.pem",
                                     authority->root.certificate, NULL);
    authority->good = make_identity(good, &authority->root);
}

/* Files that a test has made in the folder are gone by then. */
static inline void free_authority(struct authority *authority)
{
    unlink(authority->root_file);
    free(authority->root_file);
    rmdir(authority->directory);
    free(authority->directory);
    free_identity(&authority->root);
    free_identity(&authority->good);
}

#define CONNECTIONS 3

struct server {
    const struct identity *identity;
    const struct identity *intermediate;    /* sent, too; or NULL */
    const struct identity *client_authority;    /* asks for a certificate */
    int max_version;                        /* 0: any */
    size_t connections;                     /* at most CONNECTIONS; 0: one */
    void (*serve)(SSL *ssl);                /* or NULL */
    void (*adjust)(SSL_CTX *ctx);           /* before all else; or NULL */
};

struct peer {
    pid_t pid;
    int fds[CONNECTIONS];
};

static inline SSL_CTX *server_context(const struct server *server)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (server->adjust != NULL)
        server->adjust(ctx);
    SSL_CTX_use_certificate(ctx, server->identity->certificate);
    SSL_CTX_use_PrivateKey(ctx, server->identity->key);
    if (server->max_version != 0)
        SSL_CTX_set_max_proto_version(ctx, server->max_version);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
    if (server->intermediate != NULL)
        SSL_CTX_add1_chain_cert(ctx, server->intermediate->certificate);
    if (server->client_authority != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
                            server->client_authority->certificate);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
                                    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

/* The child: a handshake on each descriptor in turn, then serve(). */
static inline void run_server(const struct server *server, const int *fds,
                              size_t count)
{
    SSL_CTX *ctx = server_context(server);

    for (size_t i = 0; i < count; i++) {
        SSL *ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fds[i]);
        if (SSL_accept(ssl) == 1 && server->serve != NULL)
            server->serve(ssl);
        SSL_free(ssl);
        close(fds[i]);
    }
    SSL_CTX_free(ctx);
}

static inline void peer_start(struct peer *peer, const struct server *server)
{
    size_t count = server->connections == 0 ? 1 : server->connections;
    int theirs[CONNECTIONS];

    for (size_t i = 0; i < count; i++) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 ||
            fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1)
            abort();
        peer->fds[i] = fds[0];
        theirs[i] = fds[1];
    }
    peer->pid = fork();
    if (peer->pid == 0) {
        for (size_t i = 0; i < count; i++)
            close(peer->fds[i]);
        run_server(server, theirs, count);
        _exit(0);
    }
    for (size_t i = 0; i < count; i++)
        close(theirs[i]);
}

/* After the descriptors are closed. */
static inline void peer_end(const struct peer *peer)
{
    waitpid(peer->pid, NULL, 0);
}

#endif
