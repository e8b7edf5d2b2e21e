/* client_confine.c - what postrider-oauth may reach: its tokens, the network */
#include "oauth/client.h"

#include "config/config.h"
#include "net/tls_store.h"
#include "util/landlock.h"
#include "util/sanitizer.h"
#include "util/seccomp.h"
#include "util/text.h"

/* libc reads these to find an address; the libraries are for its modules. */
static const char *const resolver[] = {
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf",
    "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/networks",
    "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
    "/usr/local/lib", "/run/systemd/resolve",
};

/* Policies that libraries for TLS read. */
static const char *const policies[] = {
    "/etc/crypto-policies", "/usr/share/crypto-policies", "/etc/gnutls",
    "/etc/libnl", "/proc/sys/crypto/fips_enabled",
};

void client_confine(const struct client *clients, size_t count)
{
    struct landlock_rules *rules = landlock_new();
    struct error ignored;

    landlock_allow_system(rules);
    tls_store_allow(rules);
    for (size_t i = 0; i < COUNT(resolver); i++)
        landlock_allow(rules, resolver[i], LANDLOCK_READ);
    for (size_t i = 0; i < COUNT(policies); i++)
        landlock_allow(rules, policies[i], LANDLOCK_READ);
    for (size_t i = 0; i < count; i++) {
        landlock_allow(rules, clients[i].folder, LANDLOCK_CHANGE);
        landlock_allow(rules, clients[i].oauth->tls_ca_file, LANDLOCK_READ);
    }
    if (SANITIZED)
        landlock_allow(rules, "/proc", LANDLOCK_READ);
    if (count > 0 && clients[0].config->sandbox) {
        (void)landlock_enforce(rules, LANDLOCK_LEAVE_TCP, &ignored);
        (void)seccomp_enforce(SECCOMP_CLIENT, &ignored);
    }
    landlock_free(rules);
}
