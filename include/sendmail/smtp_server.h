/*
 * smtp_server.h - SMTP served on standard input; private to smtp_*.c
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_SERVER_H
#define POSTRIDER_SENDMAIL_SMTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "sendmail/smtp_input.h"
#include "sendmail/submit.h"
#include "util/buf.h"
#include "util/process.h"
#include "util/scratch.h"

#define REPLY_LINE_MAX 510      /* RFC 5321 section 4.5.3.1.5, without CRLF */

struct config;
struct options;
struct route;
struct strings;

struct server {
    const struct options *opt;
    struct config *config;
    struct route *route;        /* asked before a recipient is accepted */
    uid_t uid;                  /* of the client */
    bool is_confined;           /* smtp_confine.h */
    struct account account;     /* of the client, then */
    int patience;               /* milliseconds to wait in a transaction, */
    int idle_patience;          /* and outside of one */
    struct smtp_input in;
    struct buf out;             /* replies not sent yet */
    bool greeted;
    bool done;                  /* send nothing more */
    unsigned errors;            /* commands refused */
    struct submit_recipient offered;    /* by the RCPT that is answered */
    /* the transaction under way: */
    char *reverse_path;         /* NULL: no MAIL yet */
    struct submit_recipient *recipients;    /* owned, with their strings */
    size_t count;
    bool was_refused;           /* a recipient was */
    enum dsn_return dsn_return;
    char *envelope_id;
    bool utf8;
    struct scratch chunks;      /* of BDAT so far; closed if none */
    struct smtp_input_size chunks_size;
};

/*
 * smtp_reply.c:
 *
 * Queue a reply line, without its end; a refusal is logged. A line that is
 * too long is cut off.
 */
void server_reply(struct server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Queue a reply of these lines, at least one; code is "250 2.1.5". */
void server_reply_lines(struct server *server, const char *code,
                        const struct strings *lines);

/* Send what is queued; false if the client does not read it any more. */
bool server_send_replies(struct server *server);

/*
 * smtp_transaction.c:
 *
 * Forget the transaction under way.
 */
void server_reset(struct server *server);

/* The address of a path, checked; NULL with a reply queued. */
char *server_check_path(struct server *server, const char *path,
                        bool may_be_null);

/* Reply why an address cannot be taken. */
void server_refuse_address(struct server *server, const struct error *err);

/* Each answers one command. */
void server_take_mail(struct server *server, char *argument);
void server_take_rcpt(struct server *server, char *argument);
void server_take_flaw(struct server *server, char *argument);

/* smtp_content.c: */
void server_take_data(struct server *server, char *argument);
void server_take_bdat(struct server *server, char *argument);

/* smtp_verify.c: */
void server_take_vrfy(struct server *server, char *argument);
void server_take_expn(struct server *server, char *argument);

#endif
