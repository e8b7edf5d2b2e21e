/* The tokens of postrider-oauth: after any failure and any stop the file has
 * the old ones or the new ones, whole, and a reader that cannot read it does not
 * take it for one that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../unit/in_folder.h"
#include "config/config.h"
#include "fault.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/grant.h"
#include "util/clock.h"

static const char old_answer[] = "{\"access_token\": \"old\", "
    "\"refresh_token\": \"old-refresh\", \"expires_in\": 3600}";
static const char new_answer[] = "{\"access_token\": \"new\", "
    "\"refresh_token\": \"new-refresh\", \"expires_in\": 3600}";

struct subject {
    struct client client;
    struct error err;
    bool is_read;               /* what was read is the old one */
    bool has_answer;            /* the server has answered */
};

/* What a renewal does: lock, read, take the room, ask, save. */
static bool renew(struct subject *subject, const char *text)
{
    struct client *client = &subject->client;
    struct answer *answer = answer_parse(text, strlen(text), &subject->err);
    struct renewal renewal;
    struct grant grant = { 0 };
    bool done = renewal_begin(&renewal, client, clock_now(), &subject->err) &&
                grant_load(client, &grant, &subject->err) &&
                renewal_reserve(&renewal, client, &subject->err);

    subject->has_answer = done;
    done = done && grant_take(&grant, answer, "mail", &subject->err) &&
           renewal_save(&renewal, client, &grant, &subject->err);
    renewal_end(&renewal, client);
    grant_free(&grant);
    answer_free(answer);
    return done;
}

static void prepare(void *context)
{
    struct subject *subject = context;

    unlinkat(subject->client.state, "m365.json", 0);
    unlinkat(subject->client.state, "m365.new", 0);
    subject->is_read = false;
    if (!renew(subject, old_answer))
        fail_msg("%s", subject->err.text);
}

static bool save(void *context)
{
    return renew(context, new_answer);
}

static bool is_there(const struct subject *subject, const char *refresh)
{
    struct grant grant;
    struct error err;

    if (!grant_load(&subject->client, &grant, &err))
        fail_msg("%s", err.text);
    bool is_it = grant.refresh_token != NULL &&
                 strcmp(grant.refresh_token, refresh) == 0;
    grant_free(&grant);
    return is_it;
}

static void check_whole(void *context, bool done,
                        const struct wrap_plan *plan)
{
    const struct subject *subject = context;

    if (!is_there(subject, "new-refresh") &&
        (done || !is_there(subject, "old-refresh")))
        fail_msg("%s: %s", plan_text(plan), done ? "not saved" : "lost");
}

static void check_saved(void *context, bool done,
                        const struct wrap_plan *plan)
{
    const struct subject *subject = context;
    bool is_allowed = subject->err.fault == FAULT_IO ||
                      subject->err.fault == FAULT_TEMPORARY ||
                      (subject->err.fault == FAULT_PERMISSION &&
                       plan->how == EACCES);

    check_whole(context, done, plan);
    if (!done && !is_allowed)
        fail_msg("%s: %s", plan_text(plan), subject->err.text);
    /* A disk that is full is found out before a server is asked. */
    if (plan->how == ENOSPC && wrap_failed() != NULL && subject->has_answer &&
        strstr(wrap_failed(), "posix_fallocate") != NULL)
        fail_msg("%s: the server was asked", plan_text(plan));
    if (!done && faccessat(subject->client.state, "m365.new", F_OK, 0) == 0 &&
        strcmp(wrap_failed(), "unlinkat") != 0)
        fail_msg("%s: a draft is left", plan_text(plan));
}

static bool load(void *context)
{
    struct subject *subject = context;
    struct grant grant;
    bool done = grant_load(&subject->client, &grant, &subject->err);

    subject->is_read = done && grant.refresh_token != NULL &&
                       strcmp(grant.refresh_token, "old-refresh") == 0;
    grant_free(&grant);
    return done;
}

static void check_loaded(void *context, bool done,
                         const struct wrap_plan *plan)
{
    const struct subject *subject = context;

    if (done != subject->is_read)
        fail_msg("%s: taken for one without a login", plan_text(plan));
    if (!done && subject->err.fault != FAULT_IO && plan->how != EACCES)
        fail_msg("%s: %s", plan_text(plan), subject->err.text);
}

static bool remove_grant(void *context)
{
    struct subject *subject = context;

    return grant_remove(&subject->client, &subject->err);
}

/* Said to be forgotten, it is gone. */
static void check_removed(void *context, bool done,
                          const struct wrap_plan *plan)
{
    const struct subject *subject = context;

    if (done && is_there(subject, "old-refresh"))
        fail_msg("%s: it is there", plan_text(plan));
}

static void with_subject(struct trial trial, bool crashes)
{
    char name[] = "m365", empty[] = "", url[] = "https://issuer.example/";
    struct oauth oauth = { .name = name, .client_id = name, .token_url = url,
                           .scope = empty };
    struct subject subject = {
        .client = { .oauth = &oauth, .folder = empty, .subject = "",
                    .state = open(".", O_RDONLY | O_CLOEXEC) } };

    trial.subject = &subject;
    (crashes ? crash_at_each_call : fail_each_call)(&trial);
    close(subject.client.state);
}

static void saves_all_or_nothing(void **state)
{
    (void)state;
    with_subject((struct trial){ prepare, save, check_saved, NULL }, false);
}

static void is_whole_after_a_kill(void **state)
{
    (void)state;
    with_subject((struct trial){ prepare, save, check_whole, NULL }, true);
}

static void reads_or_says_that_it_cannot(void **state)
{
    (void)state;
    with_subject((struct trial){ prepare, load, check_loaded, NULL }, false);
}

static void forgets_or_says_that_it_cannot(void **state)
{
    (void)state;
    with_subject((struct trial){ prepare, remove_grant, check_removed, NULL },
                 false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(saves_all_or_nothing),
        IN_FOLDER(is_whole_after_a_kill),
        IN_FOLDER(reads_or_says_that_it_cannot),
        IN_FOLDER(forgets_or_says_that_it_cannot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
