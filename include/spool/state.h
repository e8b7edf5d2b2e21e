/*
 * state.h - what is known about a message after its attempts: state/ID
 *
 * Text, replaced atomically; without one there was no attempt yet. Version 1:
 *
 *     postrider-state 1 ID
 *     attempts NUMBER                      these in any order; one that is
 *     last NUMBER                          missing is 0
 *     next NUMBER
 *     warned 0|1
 *     held 0|1
 *     reports NUMBER
 *     opt-report ABOUT ID                  only while one is being made
 *     rcpt RESULT NOTIFIED FROM-REPLY WHEN STATUS RELAY TEXT
 *     opt-remedy TEXT                      after the rcpt line it is for, of
 *                                          the first ones that have any
 *     end                                  or it was not written whole
 *
 * The rcpt lines are those of the envelope, in its order; "-" for none. Of a
 * relay or text longer than 1024 octets the rest is left out.
 * spool/format.h is about other versions.
 */
#ifndef POSTRIDER_SPOOL_STATE_H
#define POSTRIDER_SPOOL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/spool.h"
#include "util/error.h"
#include "util/random.h"

#define STATE_ABOUT_MAX 40

enum state_result { STATE_OPEN, STATE_DELIVERED, STATE_FAILED };

struct state_recipient {
    enum state_result result;
    bool notified;          /* its DSN (failure or success) has been queued */
    char *status;           /* enhanced status code of the last attempt, NULL
                             * before the first; owned, as are the next two */
    char *relay;            /* "host[address]:port" */
    char *text;             /* reply or our own words, one line, escaped */
    bool from_reply;        /* text is a reply of the smarthost */
    char *remedy;           /* what can be done about that; owned; NULL: not
                             * known, or part of our own words */
    int64_t when;           /* of the last attempt, seconds since 1970 */
};

struct state {
    bool on_disk;           /* read from a file; of state_load() only */
    unsigned attempts;
    int64_t last;           /* attempt, seconds since 1970; 0: none */
    int64_t next;           /* attempt, seconds since 1970 */
    bool warned;            /* a delay DSN has been queued */
    bool held;              /* by the administrator; or, with none open, as
                             * its owner has no room in failed/ */
    unsigned reports;       /* DSNs made so far */
    char report[RANDOM_ID_LENGTH + 1];      /* id of the DSN being made, which
                             * is here before its file exists, so that a
                             * repetition after a stop finds it; "": none */
    char about[STATE_ABOUT_MAX + 1];        /* one word: of what kind that is,
                             * and about which recipients */
    struct state_recipient *recipients;     /* as in the envelope */
    size_t count;
};

/* A state before the first attempt, for count recipients. */
struct state *state_new(size_t count);
void state_free(struct state *state);                   /* NULL is allowed */

/* Read state/ID. One that does not exist is state_new(count). FAULT_DATA if it
 * is damaged or is not for count recipients; FAULT_NEWER. */
struct state *state_load(const struct spool *spool, const char *id,
                         size_t count, struct error *err);

/* The same of a message in failed/: failed/ID.state. */
struct state *state_load_failed(const struct spool *spool, const char *id,
                                size_t count, struct error *err);

/* Write state/.ID, sync, rename to state/ID, sync the directory. */
bool state_save(const struct spool *spool, const char *id,
                const struct state *state, struct error *err);

/* The new outcome of a recipient that was open; the texts are copied. False:
 * there is none of that index, or it was not. */
bool state_put(struct state *state, size_t index,
               const struct state_recipient *known);

size_t state_open_count(const struct state *state);

/* Text and remedy in one line for people, or NULL if the recipient has no text.
 * The caller frees it. */
char *state_reason(const struct state_recipient *recipient);

#endif
