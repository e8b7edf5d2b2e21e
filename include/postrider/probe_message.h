/*
 * probe_message.h - the message that shows whether mail arrives
 */
#ifndef POSTRIDER_POSTRIDER_PROBE_MESSAGE_H
#define POSTRIDER_POSTRIDER_PROBE_MESSAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "util/error.h"
#include "util/scratch.h"

struct config;

/* The reverse-path of a user's mail, as the sender sections have it. The caller
 * frees it. */
char *probe_message_sender(const struct config *config, uid_t uid);

struct probe_message {
    struct envelope envelope;
    struct scratch content;     /* CRLF lines */
    bool wants_utf8;            /* an address in its header section is not
                                 * ASCII */
};

/*
 * A complete message for recipient, from user uid as the sender sections have
 * it. With redirect_all it goes where all mail goes. FAULT_DATA for an address
 * that cannot be one; FAULT_TEMPORARY.
 */
bool probe_message_make(struct probe_message *message,
                        const struct config *config, const char *recipient,
                        uid_t uid, struct error *err);
void probe_message_free(struct probe_message *message);

#endif
