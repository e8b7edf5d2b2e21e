/*
 * notify.h - notices to systemd: sd_notify(3), without its library
 */
#ifndef POSTRIDER_RELAY_NOTIFY_H
#define POSTRIDER_RELAY_NOTIFY_H

#include <stdint.h>

enum notice { NOTICE_READY, NOTICE_ALIVE, NOTICE_RELOADING, NOTICE_STOPPING };

/* The status that systemctl shows. */
struct service_state {
    uint64_t queued;
    uint64_t delivered;
    const char *remark;         /* what is wrong; "" for nothing */
};

/* Send to $NOTIFY_SOCKET; nothing without one. systemd takes notices of the
 * main process of the service only. */
void notify_send(enum notice notice, const struct service_state *state);

/* How often the watchdog needs a notice, in milliseconds (half of
 * $WATCHDOG_USEC); 0: never. */
int64_t notify_watchdog_interval(void);

#endif
