/*
 * config_values.h - from the text of a value to what it means
 *
 * All have the shape of config_key.take. For strings, "" is "not set" unless
 * key->min is 1.
 */
#ifndef POSTRIDER_CONFIG_CONFIG_VALUES_H
#define POSTRIDER_CONFIG_CONFIG_VALUES_H

#include <stdbool.h>

#include "util/error.h"

struct config_key;

#define CONFIG_TAKE(name) \
    bool name(const struct config_key *key, const char *text, void *member, \
              struct error *err)

CONFIG_TAKE(config_take_text);          /* UTF-8 without controls */
CONFIG_TAKE(config_take_path);          /* absolute */
CONFIG_TAKE(config_take_https);         /* an address of https */
CONFIG_TAKE(config_take_word);          /* one of key->words: an enum */
CONFIG_TAKE(config_take_auth);          /* the same, or a key of util/sasl.h:
                                         * the word itself */
CONFIG_TAKE(config_take_choice);        /* the same, a bool */
CONFIG_TAKE(config_take_keyword);       /* the same, an element; not kept */
CONFIG_TAKE(config_take_bool);
CONFIG_TAKE(config_take_number);        /* unsigned, min to max */
CONFIG_TAKE(config_take_port);          /* uint16_t */
CONFIG_TAKE(config_take_size);          /* uint64_t, octets */
CONFIG_TAKE(config_take_time);          /* int64_t, milliseconds; min and max
                                         * are seconds */
CONFIG_TAKE(config_take_address);       /* one complete mail address */
CONFIG_TAKE(config_take_domain);        /* of an address: UTF-8 allowed */
CONFIG_TAKE(config_take_host);          /* to connect to */
CONFIG_TAKE(config_take_ip);
CONFIG_TAKE(config_take_hello);         /* our own name or [address] */
CONFIG_TAKE(config_take_fingerprint);
CONFIG_TAKE(config_take_command);
CONFIG_TAKE(config_take_credential);
CONFIG_TAKE(config_take_listen);        /* checks one element, keeps nothing */

/* The name of a smarthost section, of an oauth section, which names files, too;
 * whom a sender section is for. */
bool config_check_name(const char *name, struct error *err);
bool config_check_oauth_name(const char *name, struct error *err);
bool config_check_match(const char *match, struct error *err);

#endif
