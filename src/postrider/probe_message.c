#include "postrider/probe_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/process.h"
#include "util/random.h"
#include "util/text.h"

/* Its sender: the caller, or the address of their rule. */
struct author {
    char *address;
    const char *full_name;          /* or NULL; borrowed */
    const struct sender_rule *rule; /* or NULL */
};

static void find_account(struct account *account, uid_t uid)
{
    process_account(uid, account);
    if (account->login == NULL)
        account->login = alloc_format("%lu", (unsigned long)uid);
}

static void find_author(struct author *author, const struct config *config,
                        const struct account *account)
{
    author->address = alloc_format("%s@%s", account->login, config->domain);
    author->rule = config_sender(config, account->login, author->address,
                                 author->address);
    author->full_name = account->full_name;
    if (author->rule != NULL && *author->rule->address != '\0') {
        free(author->address);
        author->address = address_complete(author->rule->address,
                                           config->domain);
        author->full_name = NULL;
    }
    if (author->full_name != NULL && *author->full_name == '\0')
        author->full_name = NULL;
}

static bool fill_envelope(struct envelope *env, const struct config *config,
                          const struct author *author, const char *recipient,
                          struct error *err)
{
    const char *to = *config->redirect_all != '\0' ? config->redirect_all
                                                   : recipient;

    return (address_check(author->address, err) &&
            envelope_set_reverse_path(env, author->address, err) &&
            envelope_add_recipient(env, to, NULL, 0, err)) ||
           error_prefix(err, "test message");
}

static bool fill_header(struct header *header, const struct config *config,
                        const struct author *author, const char *recipient,
                        struct error *err)
{
    const struct sender_rule *rule = author->rule;
    char *subject = alloc_format("Postrider test from %s", config->hostname);
    char id[RANDOM_ID_LENGTH + 1];
    const struct completion with = {
        .host = config->hostname,
        .domain = config->domain,
        .sender = author->address,
        .full_name = author->full_name,
        .rule_name = rule != NULL && *rule->name != '\0' ? rule->name : NULL,
        .rule_replaces_name = rule != NULL && rule->replace_name,
        .original_to = *config->redirect_all != '\0' ? recipient : NULL,
        .id = id,
        .now = time(NULL),
    };

    random_id(id);
    header_append(header, "To", recipient);
    header_append(header, "Subject", subject);
    header_append(header, "Auto-Submitted", "auto-generated");
    free(subject);
    return complete_header(header, &with, err);
}

static bool write_content(struct probe_message *message,
                          const struct header *header,
                          const struct config *config, struct error *err)
{
    struct buf raw, text;

    buf_init(&raw, SIZE_MAX);
    buf_init(&text, SIZE_MAX);
    header_write(header, &raw);
    message->wants_utf8 = ascii_header(raw.data, raw.length, &text);
    buf_free(&raw);
    buf_add_format(&text, "\r\nMail of %s leaves through its smarthost, and "
                   "arrives here.\r\nThis message was sent by \"postrider "
                   "test\".\r\n", config->hostname);
    bool done = scratch_open(&message->content, err);
    if (done && !scratch_write(&message->content, text.data, text.length))
        done = error_sys(err, FAULT_TEMPORARY, "write the test message");
    buf_free(&text);
    return done;
}

char *probe_message_sender(const struct config *config, uid_t uid)
{
    struct author author = { 0 };
    struct account account;

    find_account(&account, uid);
    find_author(&author, config, &account);
    account_free(&account);
    return author.address;
}

bool probe_message_make(struct probe_message *message,
                        const struct config *config, const char *recipient,
                        uid_t uid, struct error *err)
{
    struct header header = { 0 };
    struct author author = { 0 };
    struct account account;

    *message = (struct probe_message){ .content = SCRATCH_NONE };
    find_account(&account, uid);
    find_author(&author, config, &account);
    bool done = fill_envelope(&message->envelope, config, &author, recipient,
                              err) &&
                fill_header(&header, config, &author, recipient, err) &&
                write_content(message, &header, config, err);
    header_free(&header);
    free(author.address);
    account_free(&account);
    return done;
}

void probe_message_free(struct probe_message *message)
{
    envelope_free(&message->envelope);
    scratch_close(&message->content);
}
