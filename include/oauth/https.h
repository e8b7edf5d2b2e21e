/*
 * https.h - a form, posted to an authorization server over verified TLS
 */
#ifndef POSTRIDER_OAUTH_HTTPS_H
#define POSTRIDER_OAUTH_HTTPS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

#define HTTPS_BODY_MAX ((size_t)64 << 10)

struct https_request {
    const char *url;
    const struct buf *form;
    const char *authorization;      /* value of that field; NULL: none */
    const char *ca_file;            /* "": the system's authorities */
    const char *proxy;              /* "": none, whatever the environment has */
    int64_t deadline;               /* clock_now() */
};

struct https_reply {
    long status;
    int64_t retry_after;            /* seconds; 0: none was given */
    struct buf body;
};

/*
 * Send it, and read the reply: no redirect is followed, and the environment
 * changes nothing. FAULT_TLS, FAULT_TEMPORARY, FAULT_PROTOCOL if the body is
 * longer than HTTPS_BODY_MAX. The caller frees the reply's body either way.
 */
bool https_post(const struct https_request *request, struct https_reply *reply,
                struct error *err);

#endif
