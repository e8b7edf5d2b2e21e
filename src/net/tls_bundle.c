#include "net/tls_bundle.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/file.h"

#define SMALL 16384
#define FILE_MAX (16 * 1024 * 1024)

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";
static const char end_line[] = "-----END CERTIFICATE-----";

struct item {
    X509_NAME *subject;
    size_t offset;              /* of its DER in bundle.der */
    size_t length;
};

struct bundle {
    X509_LOOKUP_METHOD *method;
    struct buf text;            /* PEM, until it is decoded */
    struct buf der;
    struct item *items;
    size_t count;
};

static void free_bundle(X509_LOOKUP *lookup)
{
    struct bundle *bundle = X509_LOOKUP_get_method_data(lookup);

    if (bundle == NULL)
        return;
    for (size_t i = 0; i < bundle->count; i++)
        X509_NAME_free(bundle->items[i].subject);
    free(bundle->items);
    buf_free(&bundle->text);
    buf_free(&bundle->der);
    /* X509_LOOKUP_free() does not look at it again. */
    X509_LOOKUP_meth_free(bundle->method);
    free(bundle);
}

/*
 * Enter (or else skip) the next DER element; false if it has another tag or is
 * not whole.
 */
static bool step(const unsigned char **at, const unsigned char *end,
                 int wanted_tag, bool enter)
{
    const unsigned char *next = *at;
    long length;
    int tag, class;

    if (next >= end || end - next > LONG_MAX ||
        (ASN1_get_object(&next, &length, &tag, &class, end - next) & 0x80) != 0
        || tag != wanted_tag || length > end - next)
        return false;
    *at = enter ? next : next + length;
    return true;
}

/* RFC 5280 section 4.1: the subject is what follows the validity. NULL if this
 * is not a certificate. */
static X509_NAME *subject_of(const unsigned char *der, size_t length)
{
    const unsigned char *at = der, *end = der + length;

    if (!step(&at, end, V_ASN1_SEQUENCE, true))         /* Certificate */
        return NULL;
    if (!step(&at, end, V_ASN1_SEQUENCE, true))         /* tbsCertificate */
        return NULL;
    if (at < end && *at == 0xa0 && !step(&at, end, 0, false))   /* version */
        return NULL;
    if (!step(&at, end, V_ASN1_INTEGER, false) ||       /* serialNumber */
        !step(&at, end, V_ASN1_SEQUENCE, false) ||      /* signature */
        !step(&at, end, V_ASN1_SEQUENCE, false) ||      /* issuer */
        !step(&at, end, V_ASN1_SEQUENCE, false))        /* validity */
        return NULL;
    return d2i_X509_NAME(NULL, &at, end - at);
}

/* Append what length octets of base64 with line ends encode. */
static bool decode(EVP_ENCODE_CTX *ctx, struct buf *out, const char *text,
                   size_t length)
{
    char *to = buf_reserve(out, length);
    int count = 0, rest = 0;

    if (to == NULL || length > INT_MAX)
        return false;
    EVP_DecodeInit(ctx);
    if (EVP_DecodeUpdate(ctx, (unsigned char *)to, &count,
                         (const unsigned char *)text, (int)length) < 0 ||
        EVP_DecodeFinal(ctx, (unsigned char *)to + count, &rest) < 0)
        return false;
    out->length += (size_t)count + (size_t)rest;
    return true;
}

static void add_item(struct bundle *bundle, size_t offset)
{
    size_t length = bundle->der.length - offset;
    X509_NAME *subject = subject_of(
        (const unsigned char *)bundle->der.data + offset, length);

    if (subject == NULL) {              /* damaged: the others may do */
        bundle->der.length = offset;
        return;
    }
    bundle->items = alloc_resize(bundle->items, bundle->count + 1,
                                 sizeof *bundle->items);
    bundle->items[bundle->count++] = (struct item){ subject, offset, length };
}

/* PEM to DER and subject names: at the first question only. */
static void unpack(struct bundle *bundle)
{
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    const char *at = bundle->text.data;

    while (ctx != NULL && (at = strstr(at, begin_line)) != NULL) {
        at += sizeof begin_line - 1;
        const char *end = strstr(at, end_line);
        if (end == NULL)
            break;
        size_t offset = bundle->der.length;
        if (decode(ctx, &bundle->der, at, (size_t)(end - at)))
            add_item(bundle, offset);
        at = end;
    }
    EVP_ENCODE_CTX_free(ctx);
    buf_free(&bundle->text);
    buf_init(&bundle->text, 0);
}

/*
 * OpenSSL asks for authorities with this name. All go to the store, which looks
 * for the right one itself; found is one of them, borrowed from the store.
 */
static int find_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
                           const X509_NAME *name, X509_OBJECT *found)
{
    struct bundle *bundle = X509_LOOKUP_get_method_data(lookup);
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    int count = 0;

    if (type != X509_LU_X509)
        return 0;
    if (bundle->text.length > 0)
        unpack(bundle);
    for (size_t i = 0; i < bundle->count; i++) {
        const struct item *item = &bundle->items[i];
        if (X509_NAME_cmp(item->subject, name) != 0)
            continue;
        const unsigned char *der =
            (const unsigned char *)bundle->der.data + item->offset;
        X509 *certificate = d2i_X509(NULL, &der, (long)item->length);
        if (certificate != NULL &&
            X509_STORE_add_cert(store, certificate) == 1 && count++ == 0 &&
            X509_OBJECT_set1_X509(found, certificate) == 1)
            X509_free(certificate);     /* the reference of found */
        X509_free(certificate);
    }
    return count > 0;
}

/* The bundle belongs to the store if this succeeds. */
static bool add_lookup(X509_STORE *store, struct bundle *bundle)
{
    bundle->method = X509_LOOKUP_meth_new("bundle");
    if (bundle->method == NULL)
        return false;
    X509_LOOKUP_meth_set_get_by_subject(bundle->method, find_by_subject);
    X509_LOOKUP_meth_set_free(bundle->method, free_bundle);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, bundle->method);
    if (lookup == NULL) {
        X509_LOOKUP_meth_free(bundle->method);
        return false;
    }
    X509_LOOKUP_set_method_data(lookup, bundle);
    return true;
}

bool tls_bundle_use(X509_STORE *store, const char *path)
{
    struct bundle *bundle = alloc_zero(1, sizeof *bundle);
    struct error ignored;

    buf_init(&bundle->text, FILE_MAX);
    buf_init(&bundle->der, FILE_MAX);
    bool whole = file_read(path, &bundle->text, &ignored);
    bool large = bundle->text.length > SMALL &&
                 strstr(bundle->text.data, begin_line) != NULL &&
                 strstr(bundle->text.data, "TRUSTED CERT") == NULL;
    if (whole && large && add_lookup(store, bundle))
        return true;
    buf_free(&bundle->text);
    buf_free(&bundle->der);
    free(bundle);
    return whole && !large && X509_STORE_load_file(store, path) == 1;
}
