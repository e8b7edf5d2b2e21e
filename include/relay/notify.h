/*
 * notify.h - what systemd wants to hear: sd_notify(3), without its library
 */
#ifndef POSTRIDER_RELAY_NOTIFY_H
#define POSTRIDER_RELAY_NOTIFY_H

#include <stdint.h>

/* Send lines such as "READY=1" to $NOTIFY_SOCKET; nothing without one. */
void notify_send(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* How often the watchdog wants to hear from us, in milliseconds (half of
 * $WATCHDOG_USEC); 0: never. */
int64_t notify_watchdog_interval(void);

#endif
