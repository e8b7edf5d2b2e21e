#include "net/tls_expiry.h"

#include <stdio.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

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
