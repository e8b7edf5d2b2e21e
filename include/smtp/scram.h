/*
 * scram.h - the client's side of SCRAM (RFC 5802, RFC 7677)
 */
#ifndef POSTRIDER_SMTP_SCRAM_H
#define POSTRIDER_SMTP_SCRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "net/digest.h"
#include "util/buf.h"
#include "util/error.h"

struct secret;

struct scram {
    enum digest digest;
    struct buf header;          /* GS2 header and channel binding data */
    struct buf first;           /* client-first-message-bare, then the whole
                                 * AuthMessage */
    struct buf nonce;           /* ours */
    unsigned char signature[DIGEST_SIZE_MAX];   /* expected of the server */
};

struct scram_settings {
    enum digest digest;
    const char *user;
    const char *binding;        /* the name of the channel binding, or NULL */
    const struct buf *binding_data;
    bool binding_not_offered;   /* "y": we can, the server lists no -PLUS */
    const char *nonce;          /* for tests; NULL makes one */
};

/* Start an exchange: the client-first-message is appended to out. FAULT_CONFIG
 * if user holds a control character. */
bool scram_start(struct scram *scram, const struct scram_settings *settings,
                 struct buf *out, struct error *err);

/* Answer the server-first-message with the client-final-message. out holds
 * nothing secret but the proof. FAULT_PROTOCOL, or FAULT_SYSTEM if the library
 * lacks the digest. */
bool scram_answer(struct scram *scram, const struct secret *secret,
                  const struct buf *challenge, struct buf *out,
                  struct error *err);

/* Does this server-final-message prove that the server knows the password?
 * FAULT_PROTOCOL if not. */
bool scram_check(const struct scram *scram, const char *message,
                 size_t length, struct error *err);

void scram_free(struct scram *scram);

/* Append user as a saslname: "," and "=" are written otherwise (RFC 5802
 * section 5.1). */
void scram_add_name(struct buf *out, const char *user);

#endif
