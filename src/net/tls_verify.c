#include "net/tls_verify.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "net/digest.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/text.h"

#define NAME_SHOWN 200          /* octets of a name, for people */
#define NAMES_SHOWN 400
#define REASON_MAX 8192         /* all octets of all names escaped */

static bool is_address(const char *host)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, ignored) == 1 ||
           inet_pton(AF_INET6, host, ignored) == 1;
}

bool tls_verify_expect(SSL *ssl, const struct tls_peer *peer)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    const char *host = peer->host;

    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    /* To OpenSSL, "" means not to look, and ".example.com" any subdomain. */
    if (*host == '\0' || *host == '.')
        return false;
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* "CN=Example Root,O=Example": the most special part first. */
static void add_name(struct buf *out, const X509_NAME *name)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;

    if (text != NULL &&
        X509_NAME_print_ex(text, name, 0,
                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long length = BIO_get_mem_data(text, &data);
        if (length > 0)
            text_escape(out, data, length > NAME_SHOWN ? NAME_SHOWN
                                                       : (size_t)length);
    }
    BIO_free(text);
}

/* "2027-01-31" (UTC) */
static void add_date(struct buf *out, const ASN1_TIME *when)
{
    struct tm tm = { 0 };

    if (ASN1_TIME_to_tm(when, &tm) == 1)
        buf_add_format(out, "%04d-%02d-%02d", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday);
    else
        buf_add_text(out, "a date that cannot be read");
}

static bool fingerprint_of(const X509 *certificate,
                           unsigned char sum[DIGEST_SHA256_SIZE])
{
    unsigned char whole[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (certificate == NULL ||
        X509_digest(certificate, EVP_sha256(), whole, &length) != 1 ||
        length != DIGEST_SHA256_SIZE)
        return false;
    memcpy(sum, whole, DIGEST_SHA256_SIZE);
    return true;
}

/* ", SHA-256 01ab..."; nothing if it cannot be read. */
static void add_fingerprint(struct buf *out, const X509 *certificate)
{
    unsigned char sum[DIGEST_SHA256_SIZE];

    if (!fingerprint_of(certificate, sum))
        return;
    buf_add_text(out, ", SHA-256 ");
    text_add_hex(out, sum, sizeof sum);
}

/* One subjectAltName; false if it is neither name nor address. */
static bool add_alternative(struct buf *out, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const unsigned char *data;
    int length;

    if (type != GEN_DNS && type != GEN_IPADD)
        return false;
    data = ASN1_STRING_get0_data(value);
    length = ASN1_STRING_length(value);
    if (type == GEN_DNS)
        text_escape(out, (const char *)data,
                    length > NAME_SHOWN ? NAME_SHOWN : (size_t)length);
    else if ((length == 4 || length == 16) &&
             inet_ntop(length == 4 ? AF_INET : AF_INET6, data, text,
                       sizeof text) != NULL)
        buf_add_text(out, text);
    return true;
}

/* "a.example, b.example": its subjectAltNames; how many. */
static size_t add_alternatives(struct buf *out, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name,
                                            NULL, NULL);
    size_t start = out->length, shown = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        size_t before = out->length;
        if (before - start > NAMES_SHOWN) {
            buf_add_text(out, ", ...");
            break;
        }
        buf_add_text(out, shown == 0 ? "" : ", ");
        if (add_alternative(out, sk_GENERAL_NAME_value(names, i)))
            shown++;
        else
            buf_remove(out, before, out->length - before);
    }
    GENERAL_NAMES_free(names);
    return shown;
}

/* Faults of a certificate, and their remedies. */
struct reason {
    struct buf text;
    const char *remedy;         /* NULL: unknown */
};

/* Is this name the host's, an address, written as if it were a DNS name? */
static bool is_address_as_name(const GENERAL_NAME *name, const char *host)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

    return type == GEN_DNS && is_address(host) &&
           (size_t)ASN1_STRING_length(value) == strlen(host) &&
           memcmp(ASN1_STRING_get0_data(value), host, strlen(host)) == 0;
}

static bool has_address_as_name(const X509 *certificate, const char *host)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name,
                                            NULL, NULL);
    bool has = false;

    for (int i = 0; !has && i < sk_GENERAL_NAME_num(names); i++)
        has = is_address_as_name(sk_GENERAL_NAME_value(names, i), host);
    GENERAL_NAMES_free(names);
    return has;
}

/* "is for a.example, b.example, not for HOST" */
static void add_mismatch(struct reason *reason, const X509 *certificate,
                         const char *host)
{
    struct buf *out = &reason->text;
    size_t start = out->length;

    if (has_address_as_name(certificate, host)) {
        buf_add_format(out, "has %s as a DNS name, where an address has to be "
                       "an IP address (subjectAltName = IP:%s)", host, host);
        reason->remedy = "its administrator must make it so; or set "
                         "tls_fingerprint";
        return;
    }
    buf_add_text(out, "is for ");
    reason->remedy = "set host to a name that it is for";
    if (add_alternatives(out, certificate) == 0) {
        buf_remove(out, start, out->length - start);
        buf_add_text(out, "has no subjectAltName that is a host name");
        reason->remedy = "its common name does not count, and its "
                         "administrator must renew it; or set tls_fingerprint";
    }
    buf_add_format(out, ", not for %s", host);
}

/* Which certificate of the chain it is, if it is not the peer's (depth 0). */
static void add_which(struct reason *reason, const X509 *certificate,
                      int depth)
{
    if (depth == 0)
        return;
    buf_add_text(&reason->text, "its authority's certificate (");
    add_name(&reason->text, X509_get_subject_name(certificate));
    buf_add_text(&reason->text, ") ");
}

/* It comes from here, whatever the server sends. */
static bool is_root(const X509 *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate),
                         X509_get_issuer_name(certificate)) == 0;
}

/* A certificate that is no longer, or not yet, valid; depth 0 is the peer's. */
static void add_validity(struct reason *reason, const X509 *certificate,
                         int depth, bool expired)
{
    struct buf *out = &reason->text;

    add_which(reason, certificate, depth);
    buf_add_text(out, expired ? "expired on " : "is not valid before ");
    add_date(out, expired ? X509_get0_notAfter(certificate)
                          : X509_get0_notBefore(certificate));
    if (!expired)
        reason->remedy = "is the clock of this machine right?";
    else if (depth > 0 && is_root(certificate))
        reason->remedy = "the authorities that this machine knows are too old: "
                         "update ca-certificates, or tls_ca_file; is its clock "
                         "right?";
    else
        reason->remedy = "its administrator must renew it; is the clock of "
                         "this machine right?";
}

/* Public authorities name the place of their certificate (RFC 5280 section
 * 4.2.2.1), and their roots do not issue for servers: then an intermediate
 * certificate is missing. */
static void add_issuer(struct reason *reason, X509_STORE_CTX *ctx,
                       const X509 *certificate)
{
    bool alone = sk_X509_num(X509_STORE_CTX_get0_untrusted(ctx)) <= 1;
    bool is_public = X509_get_ext_by_NID(certificate, NID_info_access,
                                         -1) >= 0;

    buf_add_text(&reason->text, "issued by an authority that is not trusted (");
    add_name(&reason->text, X509_get_issuer_name(certificate));
    buf_add_char(&reason->text, ')');
    if (!alone)
        reason->remedy = "set tls_ca_file to a file that holds it";
    else if (is_public)
        reason->remedy = "its administrator must let the server send the "
                         "intermediate certificates, too; or set tls_ca_file "
                         "to a file that holds it";
    else
        reason->remedy = "set tls_ca_file to a file that holds it, or let the "
                         "server send the intermediate certificates that are "
                         "missing";
}

static void add_weakness(struct reason *reason, const X509 *certificate,
                         int depth, int code)
{
    add_which(reason, certificate, depth);
    buf_add_text(&reason->text, code == X509_V_ERR_CA_MD_TOO_WEAK
                 ? "is signed with a digest that is too weak, as SHA-1 is"
                 : "has a key that is too small");
    reason->remedy = depth > 0
                     ? "its administrator must get it from another authority; "
                       "or set tls_fingerprint"
                     : "its administrator must renew it; or set "
                       "tls_fingerprint";
}

static void explain(struct reason *reason, X509_STORE_CTX *ctx,
                    const char *host)
{
    const X509 *certificate = X509_STORE_CTX_get_current_cert(ctx);
    int code = X509_STORE_CTX_get_error(ctx);
    int depth = X509_STORE_CTX_get_error_depth(ctx);

    if (certificate == NULL) {
        buf_add_text(&reason->text, X509_verify_cert_error_string(code));
        return;
    }
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        add_validity(reason, certificate, depth,
                     code == X509_V_ERR_CERT_HAS_EXPIRED);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        add_mismatch(reason, certificate, host);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        buf_add_text(&reason->text, "self-signed and not trusted");
        add_fingerprint(&reason->text, certificate);
        reason->remedy = "set tls_ca_file or tls_fingerprint";
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        add_issuer(reason, ctx, certificate);
        break;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        add_weakness(reason, certificate, depth, code);
        break;
    default:
        buf_add_text(&reason->text, X509_verify_cert_error_string(code));
    }
}

static bool verify_chain(X509_STORE_CTX *ctx, const char *host,
                         struct error *err)
{
    struct reason reason = { .remedy = NULL };

    if (X509_verify_cert(ctx) == 1)
        return true;
    buf_init(&reason.text, REASON_MAX);
    explain(&reason, ctx, host);
    error_set(err, FAULT_TLS, "certificate of %s: %s", host, reason.text.data);
    if (reason.remedy != NULL)
        error_remedy(err, "%s", reason.remedy);
    buf_free(&reason.text);
    return false;
}

static bool verify_pin(const X509 *certificate, const unsigned char *pin,
                       const char *host, struct error *err)
{
    unsigned char sum[DIGEST_SHA256_SIZE];
    struct buf shown;

    if (!fingerprint_of(certificate, sum))
        return error_set(err, FAULT_TLS,
                         "certificate of %s: cannot be read", host);
    if (digest_equal(sum, pin, sizeof sum))
        return true;
    buf_init(&shown, 2 * sizeof sum);
    text_add_hex(&shown, sum, sizeof sum);
    error_set(err, FAULT_TLS, "certificate of %s: its fingerprint is "
              "%s, not the tls_fingerprint of the configuration", host,
              shown.data);
    buf_free(&shown);
    return false;
}

bool tls_verify_peer(X509_STORE_CTX *ctx, const unsigned char *pin,
                     struct tls_peer *peer)
{
    if (pin == NULL)
        return verify_chain(ctx, peer->host, &peer->refusal);
    if (verify_pin(X509_STORE_CTX_get0_cert(ctx), pin, peer->host,
                   &peer->refusal))
        return true;
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
    return false;
}

/* " (in 67 days)" */
static void add_days_left(struct buf *out, const ASN1_TIME *when)
{
    int days, seconds;

    if (ASN1_TIME_diff(&days, &seconds, NULL, when) == 1)
        buf_add_format(out, " (in %d days)", days);
}

void tls_verify_describe(const X509 *certificate, struct buf *out)
{
    size_t start;

    add_name(out, X509_get_subject_name(certificate));
    start = out->length;
    buf_add_text(out, " for ");
    if (add_alternatives(out, certificate) == 0)
        buf_remove(out, start, out->length - start);
    buf_add_text(out, ", issued by ");
    add_name(out, X509_get_issuer_name(certificate));
    buf_add_text(out, ", valid until ");
    add_date(out, X509_get0_notAfter(certificate));
    add_days_left(out, X509_get0_notAfter(certificate));
    add_fingerprint(out, certificate);
}
