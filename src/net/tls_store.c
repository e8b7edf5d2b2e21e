#include "net/tls_store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "net/tls_bundle.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/landlock.h"
#include "util/text.h"

/* As openssl-rehash(1) names certificates: eight hex digits, dot, digits. */
static bool is_hashed_name(const char *name)
{
    return strspn(name, TEXT_HEX_DIGITS) == 8 && name[8] == '.' &&
           name[9] != '\0' && name[9 + strspn(name + 9, "0123456789")] == '\0';
}

static bool has_hashed_name(const char *path)
{
    DIR *directory = opendir(path);
    const char *name;

    if (directory == NULL)
        return false;
    do {
        name = folder_next(directory);
    } while (name != NULL && !is_hashed_name(name));
    closedir(directory);
    return name != NULL;
}

static bool use_directory(X509_STORE *store, const char *path)
{
    return has_hashed_name(path) && X509_STORE_load_path(store, path) == 1;
}

/* The parts of $SSL_CERT_DIR, which is a list like $PATH. */
static bool use_directories(X509_STORE *store, const char *list)
{
    bool found = false;

    for (;;) {
        size_t length = strcspn(list, ":");
        char *path = alloc_bytes(list, length);
        found |= use_directory(store, path);
        free(path);
        if (list[length] == '\0')
            return found;
        list += length + 1;
    }
}

static bool find_directory(X509_STORE *store, bool only_default)
{
    const char *const paths[] = {
        X509_get_default_cert_dir(),
        "/etc/ssl/certs",
        "/etc/pki/tls/certs",
    };

    for (size_t i = 0; i < (only_default ? 1 : COUNT(paths)); i++)
        if (use_directory(store, paths[i]))
            return true;
    return false;
}

/* The bundles of distributions; OpenSSL's default besides them. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                   /* Debian, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",                     /* Fedora */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",                               /* openSUSE */
    "/etc/ssl/cert.pem",                                    /* Alpine */
};

static bool find_bundle(X509_STORE *store, bool only_default)
{
    if (tls_bundle_use(store, X509_get_default_cert_file()))
        return true;
    for (size_t i = 0; i < COUNT(bundles) && !only_default; i++)
        if (tls_bundle_use(store, bundles[i]))
            return true;
    return false;
}

static bool is_usual_bundle(const char *path)
{
    for (size_t i = 0; i < COUNT(bundles); i++)
        if (strcmp(path, bundles[i]) == 0)
            return true;
    return strcmp(path, X509_get_default_cert_file()) == 0;
}

bool tls_store_system(X509_STORE *store, struct error *err)
{
    const char *file = secure_getenv(X509_get_default_cert_file_env());
    const char *list = secure_getenv(X509_get_default_cert_dir_env());

    /* A variable that names a usual bundle changes nothing; with any other the
     * directories of distributions are not looked for. */
    if (file != NULL && list == NULL && is_usual_bundle(file))
        file = NULL;

    /* The order is that in which they are asked. */
    bool found = list != NULL ? use_directories(store, list)
                              : find_directory(store, file != NULL);
    found |= file != NULL ? tls_bundle_use(store, file)
                          : find_bundle(store, list != NULL);
    ERR_clear_error();
    return found ||
           error_set(err, FAULT_CONFIG,
                     "no certificate authorities found") ||
           error_remedy(err, "install ca-certificates or set tls_ca_file");
}

bool tls_store_file(X509_STORE *store, const char *path, struct error *err)
{
    if (access(path, R_OK) == -1)
        return error_sys(err, FAULT_CONFIG, "tls_ca_file %s", path);
    bool loaded = tls_bundle_use(store, path);
    ERR_clear_error();
    if (!loaded)
        return error_set(err, FAULT_CONFIG,
                         "tls_ca_file %s: holds no PEM certificate", path);
    /* The administrator named them: an intermediate or the server's own
     * certificate is enough. */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return true;
}

void tls_store_allow(struct landlock_rules *rules)
{
    static const char *const paths[] = {
        "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/lib/ssl",
        "/usr/share/ca-certificates", "/usr/share/pki",
        "/usr/local/share/ca-certificates", "/var/lib/ca-certificates",
    };
    const char *list = getenv(X509_get_default_cert_dir_env());

    for (size_t i = 0; i < COUNT(paths); i++)
        landlock_allow(rules, paths[i], LANDLOCK_READ);
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ":");
        char *path = alloc_bytes(list, length);
        landlock_allow(rules, path, LANDLOCK_READ);
        free(path);
        list += length + (list[length] == ':');
    }
}
