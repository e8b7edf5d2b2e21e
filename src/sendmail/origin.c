#include "sendmail/origin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "sendmail/submit.h"
#include "util/alloc.h"
#include "util/process.h"

/* The caller, looked up when first asked for: most messages need no
 * look into the passwd file. */
struct user {
    uid_t uid;
    const struct account *account;  /* NULL: not known yet */
    struct account found;
    char *login;                    /* or the number */
    char *address;              /* NULL: not looked up yet */
};

static void user_find(struct user *user, const struct config *config)
{
    if (user->address != NULL)
        return;
    if (user->account == NULL) {
        process_account(user->uid, &user->found);
        user->account = &user->found;
    }
    user->login = user->account->login != NULL
                  ? alloc_string(user->account->login)
                  : alloc_format("%lu", (unsigned long)user->uid);
    char *local = address_local_part(user->login);
    user->address = alloc_format("%s@%s", local, config->domain);
    free(local);
}

static void user_free(struct user *user)
{
    account_free(&user->found);
    free(user->login);
    free(user->address);
}

/* The reverse-path that -f gives, and whether that is a local name; NULL with
 * FAULT_DATA. */
static char *given_reverse_path(const char *text, const struct config *config,
                                bool *is_local, struct error *err)
{
    char *argument = address_argument(text, err);
    if (argument == NULL)
        return NULL;
    size_t name = address_without_domain(argument, strlen(argument));
    if (name > 0)
        memmove(argument + name, argument + name + 1,
                strlen(argument + name));
    char *address = address_parse_one(argument, err);
    free(argument);
    if (address == NULL || *address == '\0')
        return address;
    char *complete = address_complete(address, config->domain);
    *is_local = address_is_bare(address);
    free(address);
    if (address_check(complete, err))
        return complete;
    free(complete);
    return NULL;
}

/* The first address in a field, completed, and whether that is a local name;
 * NULL if there is none. */
static char *first_address(const struct header *header, const char *name,
                           const struct config *config, bool *is_local)
{
    size_t index = header_find(header, name, 0);
    struct mailbox_list list = { 0 };
    struct error ignored;
    char *address = NULL;
    size_t length;

    if (index == header->count)
        return NULL;
    const char *body = field_body(&header->fields[index], &length);
    if (mailbox_list_parse(&list, body, length, &ignored) && list.count > 0) {
        address = address_complete(list.items[0].address, config->domain);
        *is_local = address_is_bare(list.items[0].address);
    }
    mailbox_list_free(&list);
    return address;
}

/* The reverse-path of a caller that gives none, where the rule takes the one in
 * From for it: that of a login name which several sites share does not show
 * which of them got a report. */
static void take_from(struct origin *origin, const char *from, bool is_local)
{
    struct error ignored;

    if (from == NULL || !address_check(from, &ignored))
        return;
    free(origin->reverse_path);
    origin->reverse_path = alloc_string(from);
    origin->is_local = is_local;
}

/* The rule, and its use for a reverse-path that the caller did not give. */
static void apply_rule(struct origin *origin, const struct config *config,
                       const struct header *header, bool resent,
                       struct user *user)
{
    bool is_given = user->address == NULL;  /* else the user was looked up */
    bool is_local = false;

    if (config->sender_count == 0)
        return;
    user_find(user, config);
    char *from = first_address(header, resent ? "Resent-From" : "From",
                               config, &is_local);
    origin->rule = config_sender(config, user->login, origin->reverse_path,
                                 from);
    if (origin->rule != NULL && origin->rule->envelope_is_from && !is_given)
        take_from(origin, from, is_local);
    free(from);
}

/* Does the rule set the reverse-path? */
static bool names_author(const struct sender_rule *rule)
{
    return rule != NULL && (*rule->address != '\0' || *rule->name != '\0');
}

static bool has_rule_address(const struct origin *origin)
{
    return origin->rule != NULL && *origin->rule->address != '\0';
}

/*
 * A missing From names the reverse-path, which is by -f whom the message is
 * from; the passwd entry's name belongs to the user alone, $NAME to whatever
 * the user sends, as with Sendmail. Neither belongs to an author of a rule.
 */
static void find_author(struct origin *origin,
                        const struct submission *submission,
                        const struct config *config, struct user *user)
{
    bool is_user = submission->reverse_path == NULL ||
                   *origin->reverse_path == '\0';

    if (is_user)
        user_find(user, config);
    if (has_rule_address(origin))
        origin->author = address_complete(origin->rule->address,
                                          config->domain);
    else
        origin->author = alloc_string(is_user ? user->address
                                              : origin->reverse_path);

    const char *name = submission->full_name;
    if (name == NULL && !names_author(origin->rule)) {
        name = submission->own_name;
        if (is_user && (name == NULL || *name == '\0'))
            name = user->account->full_name;
    }
    if (name != NULL && *name != '\0')
        origin->full_name = alloc_string(name);
}

/* -t goes by the resent block, if there is one. */
static bool goes_by_block(const struct submission *submission,
                          const struct header *header)
{
    struct resent_block block = complete_resent_block(header);

    return submission->extract && block.first < block.end;
}

bool origin_find(struct origin *origin, const struct submission *submission,
                 const struct config *config, const struct header *header,
                 struct error *err)
{
    struct user user = { .uid = submission->uid,
                         .account = submission->account };
    bool resent = goes_by_block(submission, header);

    *origin = (struct origin){ 0 };
    if (submission->reverse_path != NULL) {
        origin->reverse_path = given_reverse_path(submission->reverse_path,
                                                  config, &origin->is_local,
                                                  err);
        if (origin->reverse_path == NULL)
            return error_prefix(err, "-f");
    } else {
        user_find(&user, config);
        origin->reverse_path = alloc_string(user.address);
        origin->is_local = true;
    }

    apply_rule(origin, config, header, resent, &user);
    if (!submission->gateway &&
        (resent || complete_is_resent_now(header) ||
         !complete_has_author(header)))
        find_author(origin, submission, config, &user);
    if (has_rule_address(origin) && *origin->reverse_path != '\0') {
        free(origin->reverse_path);
        origin->reverse_path = address_complete(origin->rule->address,
                                                config->domain);
        origin->is_local = false;
    }
    user_free(&user);
    return true;
}

void origin_free(struct origin *origin)
{
    free(origin->reverse_path);
    free(origin->author);
    free(origin->full_name);
    *origin = (struct origin){ 0 };
}
