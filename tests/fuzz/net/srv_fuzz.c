/* The answer of a name server, which may be anything. */
#include "../input.h"
#include "net/srv.h"

static uint64_t sum_of(const struct srv_list *list)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++)
        sum += list->items[i].port + ((uint64_t)list->items[i].priority << 16) +
               ((uint64_t)list->items[i].weight << 32) +
               (unsigned char)list->items[i].host[0];
    return sum;
}

static void check_host(const char *host)
{
    static const char octets[] = "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    PROMISE(*host != '\0' && strlen(host) <= 255);
    PROMISE(host[strspn(host, octets)] == '\0');
    PROMISE(*host != '.' && host[strlen(host) - 1] != '.');
    PROMISE(srv_in_domain(host, host));
    PROMISE(!srv_in_domain("x", host) || strcmp(host, "x") == 0 ||
            strcmp(host, "X") == 0);
}

/* Priority, weight and port, as they are in the answer. */
static void check_numbers(const struct srv_target *target, const uint8_t *data,
                          size_t size)
{
    const uint16_t numbers[] = { target->priority, target->weight,
                                 target->port };
    uint8_t octets[6];

    for (size_t i = 0; i < 6; i++)
        octets[i] = (uint8_t)(numbers[i / 2] >> (i % 2 == 0 ? 8 : 0));
    PROMISE(memmem(data, size, octets, sizeof octets) != NULL);
    PROMISE(target->port != 0);
}

/* In order they are the same ones, by priority. */
static void check_order(struct srv_list *list)
{
    uint64_t sum = sum_of(list);

    srv_order(list);
    PROMISE(sum_of(list) == sum);
    for (size_t i = 1; i < list->count; i++)
        PROMISE(list->items[i - 1].priority <= list->items[i].priority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct srv_list list = { 0 };
    struct error err;

    if (srv_parse(&list, data, size, &err)) {
        for (size_t i = 0; i < list.count; i++) {
            check_host(list.items[i].host);
            check_numbers(&list.items[i], data, size);
        }
        check_order(&list);
    } else {
        promise_error(&err);
        PROMISE(err.fault == FAULT_TEMPORARY && list.count == 0);
    }
    srv_list_free(&list);
    return 0;
}
