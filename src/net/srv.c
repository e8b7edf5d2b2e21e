#include "net/srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/host.h"
#include "util/random.h"
#include "util/text.h"

#define ANSWER_MAX 65535
#define TARGET_OFFSET 6         /* priority, weight, port */

static bool damaged(struct error *err)
{
    return error_set(err, FAULT_TEMPORARY, "the name server's answer is "
                     "damaged");
}

static void add_target(struct srv_list *list, const unsigned char *data,
                       const char *host)
{
    list->items = alloc_resize(list->items, list->count + 1,
                               sizeof *list->items);
    list->items[list->count++] = (struct srv_target){
        .host = alloc_string(host),
        .priority = (uint16_t)ns_get16(data),
        .weight = (uint16_t)ns_get16(data + 2),
        .port = (uint16_t)ns_get16(data + 4),
    };
}

/* The target "." means that the service is not offered: no target. Anything
 * else that is not a host's name is none, either. */
static bool take_target(struct srv_list *list, const ns_msg *answer,
                        const ns_rr *record)
{
    const unsigned char *data = ns_rr_rdata(*record);
    size_t length = ns_rr_rdlen(*record);
    char host[NS_MAXDNAME];

    if (length <= TARGET_OFFSET)
        return false;
    int used = dn_expand(ns_msg_base(*answer), ns_msg_end(*answer),
                         data + TARGET_OFFSET, host, sizeof host);
    if (used < 0 || (size_t)used != length - TARGET_OFFSET)
        return false;
    if (host_is_name(host) && ns_get16(data + 4) != 0)
        add_target(list, data, host);
    return true;
}

static bool take_targets(struct srv_list *list, ns_msg *answer)
{
    ns_rr record;

    for (int i = 0; i < ns_msg_count(*answer, ns_s_an); i++) {
        if (ns_parserr(answer, ns_s_an, i, &record) == -1)
            return false;
        if (ns_rr_type(record) == ns_t_srv && ns_rr_class(record) == ns_c_in &&
            !take_target(list, answer, &record))
            return false;
    }
    return true;
}

bool srv_parse(struct srv_list *list, const unsigned char *octets,
               size_t length, struct error *err)
{
    ns_msg answer;

    *list = (struct srv_list){ 0 };
    if (length > ANSWER_MAX ||
        ns_initparse(octets, (int)length, &answer) == -1 ||
        ns_msg_getflag(answer, ns_f_qr) == 0)
        return damaged(err);
    int code = ns_msg_getflag(answer, ns_f_rcode);
    if (code == ns_r_nxdomain)
        return true;
    if (code != ns_r_noerror)
        return error_set(err, FAULT_TEMPORARY, "the name server fails (code "
                         "%d)", code);
    if (take_targets(list, &answer))
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
