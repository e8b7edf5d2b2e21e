#include "relay/targets.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "net/srv.h"
#include "util/alloc.h"
#include "util/text.h"

static bool add(struct targets *targets, const char *host, const char *name,
                uint16_t port, const struct smarthost *smarthost,
                struct error *err)
{
    static const enum dial_family families[] = {
        [INET_ANY] = DIAL_ANY,
        [INET_IPV4] = DIAL_IPV4,
        [INET_IPV6] = DIAL_IPV6,
    };
    struct dial_list addresses = { 0 };

    if (!dial_resolve(&addresses, host, port, families[smarthost->inet], err))
        return false;
    targets->items = alloc_resize(targets->items, targets->count + 1,
                                  sizeof *targets->items);
    targets->items[targets->count++] = (struct target){
        .host = alloc_string(host),
        .name = alloc_string(name),
        .port = port,
        .addresses = addresses,
    };
    return true;
}

/* The domain of a service name, after "._tcp."; NULL: it is none. */
static const char *service_domain(const char *host)
{
    const char *protocol = strchr(host, '.');

    return *host == '_' && protocol != NULL &&
           text_starts_case(protocol, "._tcp.") ? protocol + 6 : NULL;
}

static bool add_service(struct targets *targets,
                        const struct smarthost *smarthost, const char *domain,
                        struct error *err)
{
    const char *host = smarthost->host;
    char *service = alloc_bytes(host, (size_t)(domain - 1 - host));
    struct srv_list list = { 0 };

    bool done = srv_lookup(&list, service, domain, err);
    if (done && list.count == 0)
        error_set(err, FAULT_TEMPORARY, "look up host %s: it has no SRV "
                  "record", host);
    for (size_t i = 0; done && i < list.count; i++) {
        const struct srv_target *target = &list.items[i];
        bool inside = srv_in_domain(target->host, domain);
        (void)add(targets, target->host, inside ? target->host : domain,
                  target->port, smarthost, err);
    }
    srv_list_free(&list);
    free(service);
    return targets->count > 0;
}

bool targets_find(struct targets *targets, const struct smarthost *smarthost,
                  struct error *err)
{
    const char *host = smarthost->host;
    const char *domain = service_domain(host);

    *targets = (struct targets){ 0 };
    return domain != NULL
           ? add_service(targets, smarthost, domain, err)
           : add(targets, host, host, smarthost->port, smarthost, err);
}

void targets_free(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        free(targets->items[i].host);
        free(targets->items[i].name);
        dial_list_free(&targets->items[i].addresses);
    }
    free(targets->items);
    *targets = (struct targets){ 0 };
}
