#include "oauth/https.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/clock.h"

#define CONNECT_LIMIT 10000L        /* milliseconds */

static size_t take_body(char *data, size_t size, size_t count, void *body)
{
    return buf_add(body, data, size * count) ? size * count : 0;
}

/* Each option is known to the library that this was compiled for; one that the
 * library of this machine lacks is a fault. */
struct options {
    CURL *curl;
    CURLcode failed;            /* the first that was refused */
};

static void set_text(struct options *o, CURLoption option, const char *text)
{
    CURLcode code = curl_easy_setopt(o->curl, option, text);

    if (o->failed == CURLE_OK)
        o->failed = code;
}

static void set_number(struct options *o, CURLoption option, long number)
{
    CURLcode code = curl_easy_setopt(o->curl, option, number);

    if (o->failed == CURLE_OK)
        o->failed = code;
}

static void restrict_transfer(struct options *o,
                              const struct https_request *request)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    set_text(o, CURLOPT_PROTOCOLS_STR, "https");
#else
    set_number(o, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS);
#endif
    set_number(o, CURLOPT_FOLLOWLOCATION, 0);
    set_number(o, CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set_text(o, CURLOPT_PROXY, request->proxy);
    set_text(o, CURLOPT_NOPROXY, "");
    set_number(o, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_number(o, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_number(o, CURLOPT_SSL_VERIFYPEER, 1);
    set_number(o, CURLOPT_SSL_VERIFYHOST, 2);
    if (*request->ca_file != '\0') {
        set_text(o, CURLOPT_CAINFO, request->ca_file);
        set_text(o, CURLOPT_CAPATH, NULL);
    }
    set_number(o, CURLOPT_NOSIGNAL, 1);
    set_number(o, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_LIMIT);
    set_number(o, CURLOPT_TIMEOUT_MS,
               1 + (long)clock_remaining(request->deadline));
}

static bool explain(CURLcode code, const char *words,
                    const struct https_request *request, struct error *err)
{
    const char *why = *words != '\0' ? words : curl_easy_strerror(code);

    switch (code) {
    case CURLE_WRITE_ERROR:
        return error_set(err, FAULT_PROTOCOL, "%s: the answer has more than "
                         "64 KB", request->url);
    case CURLE_SSL_CACERT_BADFILE:
        return error_set(err, FAULT_CONFIG, "tls_ca_file = %s: %s",
                         request->ca_file, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        error_set(err, FAULT_TLS, "%s: %s", request->url, why);
        if (strstr(why, "not yet valid") != NULL ||
            strstr(why, "has expired") != NULL)
            error_remedy(err, "check the clock of this machine");
        return false;
    default:
        return error_set(err, FAULT_TEMPORARY, "%s: %s", request->url, why);
    }
}

static bool perform(struct options *o, const struct https_request *request,
                    struct https_reply *reply, struct error *err)
{
    char words[CURL_ERROR_SIZE] = "";
    curl_off_t retry_after = 0;

    curl_easy_setopt(o->curl, CURLOPT_ERRORBUFFER, words);
    CURLcode code = o->failed != CURLE_OK ? o->failed
                                          : curl_easy_perform(o->curl);
    curl_easy_setopt(o->curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK)
        return explain(code, words, request, err);
    curl_easy_getinfo(o->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(o->curl, CURLINFO_RETRY_AFTER, &retry_after);
    reply->retry_after = retry_after > 0 ? (int64_t)retry_after : 0;
    return true;
}

/* A field that may be secret. */
static struct curl_slist *add_field(struct curl_slist *list, const char *name,
                                    const char *value)
{
    char *field = alloc_format("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(list, field);

    explicit_bzero(field, strlen(field));
    free(field);
    return longer;
}

bool https_post(const struct https_request *request, struct https_reply *reply,
                struct error *err)
{
    struct curl_slist *fields = add_field(NULL, "Accept", "application/json");
    struct options o = { .curl = curl_easy_init() };

    *reply = (struct https_reply){ 0 };
    buf_init(&reply->body, HTTPS_BODY_MAX);
    if (request->authorization != NULL)
        fields = add_field(fields, "Authorization", request->authorization);
    restrict_transfer(&o, request);
    set_text(&o, CURLOPT_URL, request->url);
    set_text(&o, CURLOPT_USERAGENT, "postrider-oauth/" POSTRIDER_VERSION);
    set_number(&o, CURLOPT_POSTFIELDSIZE, (long)request->form->length);
    set_text(&o, CURLOPT_POSTFIELDS, request->form->data);
    curl_easy_setopt(o.curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(o.curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(o.curl, CURLOPT_WRITEDATA, &reply->body);
    bool done = perform(&o, request, reply, err);
    for (struct curl_slist *item = fields; item != NULL; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(fields);
    curl_easy_cleanup(o.curl);
    return done;
}
