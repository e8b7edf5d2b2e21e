#include "net/srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/random.h"
#include "util/text.h"

#define ANSWER_MAX 65535
#define HEADER_LENGTH 12
#define RECORD_LENGTH 10        /* type, class, time to live, data length */
#define TARGET_OFFSET 6         /* priority, weight, port */

/* Where the reader stands in an answer. */
struct cursor {
    const unsigned char *start, *end, *at;
};

static unsigned number_at(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static bool has(const struct cursor *c, size_t octets)
{
    return (size_t)(c->end - c->at) >= octets;
}

static bool damaged(struct error *err)
{
    return error_set(err, FAULT_TEMPORARY, "the name server's answer is "
                     "damaged");
}

/* dn_skipname() and dn_expand() see to lengths and loops. */
static bool skip_name(struct cursor *c)
{
    int length = dn_skipname(c->at, c->end);

    if (length < 0)
        return false;
    c->at += length;
    return true;
}

/* Anything else in a name is no host, and no text for a terminal. */
static bool is_host(const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        if (!text_is_alpha(*p) && !text_is_digit(*p) &&
            strchr("-_.", *p) == NULL)
            return false;
    return *name != '\0' && *name != '.' && *name != '-';
}

static void add_target(struct srv_list *list, const unsigned char *data,
                       const char *host)
{
    list->items = alloc_resize(list->items, list->count + 1,
                               sizeof *list->items);
    list->items[list->count++] = (struct srv_target){
        .host = alloc_string(host),
        .priority = (uint16_t)number_at(data),
        .weight = (uint16_t)number_at(data + 2),
        .port = (uint16_t)number_at(data + 4),
    };
}

/* The target "." says that the service is not offered: no target. */
static bool take_target(struct srv_list *list, const struct cursor *c,
                        size_t length)
{
    char host[NS_MAXDNAME];

    if (length <= TARGET_OFFSET)
        return false;
    int used = dn_expand(c->start, c->end, c->at + TARGET_OFFSET, host,
                         sizeof host);
    if (used < 0 || (size_t)used != length - TARGET_OFFSET)
        return false;
    if (is_host(host) && number_at(c->at + 4) != 0)
        add_target(list, c->at, host);
    return true;
}

static bool take_record(struct srv_list *list, struct cursor *c)
{
    if (!skip_name(c) || !has(c, RECORD_LENGTH))
        return false;
    unsigned type = number_at(c->at), class = number_at(c->at + 2);
    size_t length = number_at(c->at + 8);
    c->at += RECORD_LENGTH;
    if (!has(c, length))
        return false;
    if (type == ns_t_srv && class == ns_c_in && !take_target(list, c, length))
        return false;
    c->at += length;
    return true;
}

static bool take_records(struct srv_list *list, struct cursor *c)
{
    unsigned questions = number_at(c->start + 4);
    unsigned answers = number_at(c->start + 6);

    for (unsigned i = 0; i < questions; i++) {
        if (!skip_name(c) || !has(c, 4))
            return false;
        c->at += 4;
    }
    for (unsigned i = 0; i < answers; i++)
        if (!take_record(list, c))
            return false;
    return true;
}

bool srv_parse(struct srv_list *list, const unsigned char *answer,
               size_t length, struct error *err)
{
    struct cursor c = { .start = answer, .end = answer + length,
                        .at = answer + HEADER_LENGTH };

    *list = (struct srv_list){ 0 };
    if (length < HEADER_LENGTH || (answer[2] & 0x80) == 0)
        return damaged(err);
    switch (answer[3] & 0x0f) {
    case ns_r_noerror:
        break;
    case ns_r_nxdomain:
        return true;
    default:
        return error_set(err, FAULT_TEMPORARY, "the name server fails (code "
                         "%d)", answer[3] & 0x0f);
    }
    if (take_records(list, &c))
        return true;
    srv_list_free(list);
    return damaged(err);
}

void srv_list_free(struct srv_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].host);
    free(list->items);
    *list = (struct srv_list){ 0 };
}

static int by_priority(const void *a, const void *b)
{
    const struct srv_target *x = a, *y = b;

    /* Weight 0 first: RFC 2782 gives those the small chance. */
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return (x->weight > 0) - (y->weight > 0);
}

/* Which of the count targets, all of one priority, comes next? */
static size_t draw(const struct srv_target *items, size_t count)
{
    uint32_t sum = 0;
    size_t i = 0;

    for (size_t k = 0; k < count; k++)
        sum += items[k].weight;
    uint32_t chosen = random_below(sum + 1), running = items[0].weight;
    while (running < chosen)
        running += items[++i].weight;
    return i;
}

void srv_order(struct srv_list *list)
{
    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof *list->items, by_priority);
    for (size_t i = 0; i < list->count; i++) {
        struct srv_target *next = &list->items[i];
        size_t same = 1;
        while (i + same < list->count && next[same].priority == next->priority)
            same++;
        size_t drawn = draw(next, same);
        struct srv_target target = next[drawn];
        memmove(next + 1, next, drawn * sizeof *next);
        *next = target;
    }
}

bool srv_lookup(struct srv_list *list, const char *service, const char *domain,
                struct error *err)
{
    unsigned char *answer = alloc_zero(1, ANSWER_MAX);
    char *name = alloc_format("%s.%s", service, domain);
    bool done = true;

    *list = (struct srv_list){ 0 };
    int length = res_query(name, ns_c_in, ns_t_srv, answer, ANSWER_MAX);
    if (length > 0)
        done = srv_parse(list, answer,
                         length < ANSWER_MAX ? (size_t)length : ANSWER_MAX,
                         err);
    else if (h_errno != HOST_NOT_FOUND && h_errno != NO_DATA)
        done = error_set(err, FAULT_TEMPORARY, "the name server does not "
                         "answer");
    if (!done)
        error_prefix(err, "look up %s", name);
    srv_order(list);
    free(name);
    free(answer);
    return done;
}

bool srv_in_domain(const char *host, const char *domain)
{
    size_t whole = strlen(host), part = strlen(domain);

    if (whole < part || part == 0 ||
        !text_equal_case(host + whole - part, domain))
        return false;
    return whole == part || host[whole - part - 1] == '.';
}
