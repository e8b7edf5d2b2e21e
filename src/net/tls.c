#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>

#include "net/dial.h"
#include "net/tls_context.h"
#include "net/tls_verify.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/text.h"

#define LARGE_HELLO 1000        /* octets of a ClientHello that may not get
                                 * through: those of X25519MLKEM768 */

struct tls {
    SSL *ssl;
    struct tls_context *context;
    struct tls_peer peer;       /* its host without scope and final dot */
    bool failed;                /* nothing more may be sent */
    bool explained;             /* ... and the reason is another one than the
                                 * size of what we have sent */
};

/* The caller frees. */
static char *plain_host(const char *host)
{
    size_t length = strlen(host);

    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length = strcspn(host, "%]");
    } else if (memchr(host, ':', length) != NULL) {
        length = strcspn(host, "%");
    } else if (length > 1 && host[length - 1] == '.') {
        length--;
    }
    return alloc_bytes(host, length);
}

/* An alert, or what is not TLS at all: the reason is known, and what helps. */
struct meaning {
    int reason;                 /* as OpenSSL has it */
    const char *text;
    const char *remedy;         /* NULL: unknown */
};

#define TOO_OLD_FOR(what) "the server is too old for " what
#define UPDATE "its administrator must update it"

static const struct meaning meanings[] = {
    { SSL_R_WRONG_VERSION_NUMBER,
      "the server does not speak TLS on this port", NULL },
    { SSL_R_UNSUPPORTED_PROTOCOL,
      "the server's TLS version is older than tls_min_version", UPDATE },
    { SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
      "the server's TLS version is older than tls_min_version", UPDATE },
    { SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
      TOO_OLD_FOR("secure renegotiation (RFC 5746)"), UPDATE },
    { SSL_R_DH_KEY_TOO_SMALL,
      TOO_OLD_FOR("TLS that is safe: its Diffie-Hellman key is too small"),
      UPDATE },
    { SSL_R_WRONG_SIGNATURE_TYPE,
      TOO_OLD_FOR("signatures that are safe: it has none but SHA-1"),
      UPDATE },
    { SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED,
      TOO_OLD_FOR("signatures that are safe: it has none but SHA-1"),
      UPDATE },
    { SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
      "the server asks for a client certificate", "set tls_cert_file" },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
      "the server refuses our client certificate", NULL },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
      "the server refuses our client certificate", NULL },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
      "the server refuses our client certificate, as it has expired",
      "renew tls_cert_file" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
      "the server refuses our client certificate, as it was revoked",
      "renew tls_cert_file" },
    { SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      "the server refuses our client certificate, which may be for another use",
      "set tls_cert_file to one for clients" },
    { SSL_R_TLSV1_ALERT_ACCESS_DENIED,
      "the server denies access to our client certificate", NULL },
    { SSL_R_NO_PROTOCOLS_AVAILABLE,
      "the TLS policy of this machine (openssl.cnf) leaves no version that "
      "tls_min_version allows", NULL },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA,
      "the server does not trust our client certificate's authority",
      NULL },
    { SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
      "the server finds no cipher in common, or wants a client "
      "certificate (tls_cert_file)", NULL },
    { SSL_R_TLSV1_UNRECOGNIZED_NAME,
      "the server does not recognize this host name", NULL },
};

/* NULL: OpenSSL's own words will do. */
static const struct meaning *meaning_of(unsigned long code)
{
    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        return NULL;
    for (size_t i = 0; i < COUNT(meanings); i++)
        if (ERR_GET_REASON(code) == meanings[i].reason)
            return &meanings[i];
    return NULL;
}

/* Do we ask for more than must be? Our default is 1.2. */
static bool is_our_limit(const struct tls *tls, const struct meaning *meaning)
{
    return (meaning->reason == SSL_R_UNSUPPORTED_PROTOCOL ||
            meaning->reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) &&
           SSL_get_min_proto_version(tls->ssl) > TLS1_2_VERSION;
}

/* Explain why an operation failed, after SSL_get_error() gave result. */
static void set_failure(struct tls *tls, int result, int number,
                        struct error *err)
{
    unsigned long code = ERR_peek_error();
    const struct meaning *meaning = meaning_of(code);
    const char *text = meaning != NULL ? meaning->text : NULL;

    tls->failed = true;
    tls->explained = meaning != NULL;
    if (code != 0 && text == NULL) {
        /* Strings are loaded only where they are needed. */
        OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS |
                         OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
        text = ERR_reason_error_string(code);
    }
    if (text != NULL)
        error_set(err, FAULT_TLS, "%s", text);
    else if (result == SSL_ERROR_SYSCALL && number != 0)
        dial_lost(err, number);
    else
        error_set(err, FAULT_TEMPORARY, "connection closed by the server");
    if (meaning != NULL && meaning->remedy != NULL)
        error_remedy(err, "%s", is_our_limit(tls, meaning)
                                    ? "set tls_min_version = 1.2, or let its "
                                      "administrator update it"
                                    : meaning->remedy);
    /* Whether that should have been TLS, the caller knows. */
    if (meaning != NULL && meaning->reason == SSL_R_WRONG_VERSION_NUMBER)
        err->number = EPROTO;
    ERR_clear_error();
}

/* The next step after an operation that gave returned: TLS_WANT_... or -1; 0
 * for the end of the file. */
static ssize_t sort_out(struct tls *tls, int returned, struct error *err)
{
    int number = errno;
    int result = SSL_get_error(tls->ssl, returned);

    switch (result) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        set_failure(tls, result, number, err);
        return -1;
    }
}

/* Wait for the socket; false when time is over. */
static bool wait_for(int fd, ssize_t want, int64_t deadline)
{
    struct pollfd wanted = {
        .fd = fd,
        .events = want == TLS_WANT_WRITE ? POLLOUT : POLLIN
    };
    int count;

    /* A peer that trickles must not hold back the deadline. */
    if (clock_remaining(deadline) == 0)
        return false;
    do {
        count = poll(&wanted, 1, clock_remaining(deadline));
    } while (count == -1 && (errno == EINTR || errno == EAGAIN));
    return count != 0;
}

static bool shake_hands(struct tls *tls, int fd, int64_t deadline,
                        struct error *err)
{
    int64_t began = clock_now();

    for (;;) {
        ERR_clear_error();
        errno = 0;
        int returned = SSL_connect(tls->ssl);
        if (returned == 1)
            return true;
        ssize_t want = sort_out(tls, returned, err);
        if (want == 0)
            return error_set(err, FAULT_TEMPORARY,
                             "connection closed by the server");
        if (want == -1)
            return false;
        if (!wait_for(fd, want, deadline))
            return error_set(err, FAULT_TEMPORARY,
                             "not finished within %lld s",
                             (long long)(deadline - began + 999) / 1000);
    }
}

/* Old servers, and firewalls that look for a name in the first packet only,
 * drop a ClientHello that is larger than those of their time. */
static bool blame_hello(const struct tls *tls, struct error *err)
{
    uint64_t sent = BIO_number_written(SSL_get_wbio(tls->ssl));

    if (tls->explained || sent < LARGE_HELLO ||
        SSL_get_state(tls->ssl) != TLS_ST_CW_CLNT_HELLO)
        return false;
    return error_remedy(err, "the size of our ClientHello (%llu octets) may "
                        "be why: tls_groups = \"X25519:P-256\" makes it "
                        "smaller",
                        (unsigned long long)sent);
}

/* The checks of net/tls_verify.h are part of the handshake. */
static bool connect_to(struct tls *tls, int fd, int64_t deadline,
                       struct error *err)
{
    const char *host = tls->peer.host;

    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1)
        return error_set(err, FAULT_TLS, "TLS cannot be started");
    if (!tls_verify_expect(tls->ssl, &tls->peer))
        return error_set(err, FAULT_TLS,
                         "TLS: %s is neither a host name nor an address",
                         host);
    tls_context_resume(tls->context, tls->ssl, &tls->peer);
    if (shake_hands(tls, fd, deadline, err))
        return true;
    if (tls->peer.refusal.fault != FAULT_NONE) {
        *err = tls->peer.refusal;
        err->reach = REACH_CERTIFICATE;
        return false;
    }
    err->fault = FAULT_TLS;     /* the connection was there */
    error_prefix(err, "TLS handshake with %s", host);
    return blame_hello(tls, err);
}

struct tls *tls_handshake(struct tls_context *context, int fd,
                          const char *host, int64_t deadline,
                          struct error *err)
{
    struct tls *tls = alloc_zero(1, sizeof *tls);

    tls->context = context;
    tls->peer.host = plain_host(host);
    tls->ssl = tls_context_start(context, &tls->peer);
    if (connect_to(tls, fd, deadline, err))
        return tls;
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    free(tls->peer.host);
    free(tls);
}

ssize_t tls_read(struct tls *tls, void *data, size_t length,
                 struct error *err)
{
    ERR_clear_error();
    errno = 0;
    int count = SSL_read(tls->ssl, data,
                         length > INT_MAX ? INT_MAX : (int)length);
    return count > 0 ? count : sort_out(tls, count, err);
}

ssize_t tls_write(struct tls *tls, const void *data, size_t length,
                  struct error *err)
{
    assert(length > 0);
    ERR_clear_error();
    errno = 0;
    int count = SSL_write(tls->ssl, data,
                          length > INT_MAX ? INT_MAX : (int)length);
    if (count > 0)
        return count;
    ssize_t want = sort_out(tls, count, err);
    if (want != 0)
        return want;
    error_set(err, FAULT_TEMPORARY, "connection closed by the server");
    return -1;
}

bool tls_pending(const struct tls *tls)
{
    return SSL_pending(tls->ssl) > 0;
}

void tls_close(struct tls *tls)
{
    /* After a failure OpenSSL forbids it. */
    if (!tls->failed)
        (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

const char *tls_version(const struct tls *tls)
{
    return SSL_get_version(tls->ssl);
}

const char *tls_cipher(const struct tls *tls)
{
    return SSL_get_cipher_name(tls->ssl);
}

const char *tls_group(const struct tls *tls)
{
    int id = (int)SSL_get_negotiated_group(tls->ssl);
    const char *name = id != 0 ? SSL_group_to_name(tls->ssl, id) : NULL;

    return name != NULL ? name : "none";
}

bool tls_channel_binding(const struct tls *tls, const char **name,
                         struct buf *data)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    static const unsigned char none[1];
    unsigned char value[EVP_MAX_MD_SIZE];
    size_t length = 32;         /* RFC 9266 section 4.1 */

    if (SSL_version(tls->ssl) == TLS1_3_VERSION) {
        *name = "tls-exporter";
        if (SSL_export_keying_material(tls->ssl, value, length, label,
                                       sizeof label - 1, none, 0, 1) != 1)
            return false;
    } else {
        /* Without the extended master secret it binds nothing. */
        if (SSL_get_extms_support(tls->ssl) != 1)
            return false;
        /* The first Finished: ours, or the server's in a resumed session. */
        *name = "tls-unique";
        length = SSL_session_reused(tls->ssl)
                     ? SSL_get_peer_finished(tls->ssl, value, sizeof value)
                     : SSL_get_finished(tls->ssl, value, sizeof value);
        if (length == 0 || length > sizeof value)
            return false;
    }
    return buf_add(data, value, length);
}

int64_t tls_certificate_end(const struct tls *tls)
{
    const X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    struct tm date;
    bool known = certificate != NULL &&
                 ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &date) == 1;

    ERR_clear_error();
    int64_t end = known ? (int64_t)timegm(&date) : 0;
    return end > 0 ? end : 0;
}

void tls_describe(const struct tls *tls, struct buf *out)
{
    const X509 *certificate = SSL_get0_peer_certificate(tls->ssl);

    if (certificate != NULL)
        tls_verify_describe(certificate, out);
}
