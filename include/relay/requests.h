/*
 * requests.h - answer the requests that come over the control socket
 */
#ifndef POSTRIDER_RELAY_REQUESTS_H
#define POSTRIDER_RELAY_REQUESTS_H

#include "relay/control.h"

struct moment;
struct question_parts;
struct requests;            /* fields: src/relay/requests.c */

/* The parts are borrowed. */
struct requests *requests_new(const struct question_parts *parts);
void requests_free(struct requests *requests);          /* NULL is allowed */

/* As control_answer has it. */
enum control_reply requests_answer(struct requests *requests,
                                   const struct control_request *what,
                                   const struct moment *now);

/* Take what is new in drop/, and try again to read what could not be read, as
 * for a flush of the administrator. */
void requests_look_again(const struct requests *requests,
                         const struct moment *now);

#endif
