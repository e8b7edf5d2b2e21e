/* check_local.c - checks of this machine: aliases, programs, old mail */
#include "postrider/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/destination.h"
#include "mail/address.h"
#include "mail/aliases.h"
#include "mail/recipients.h"
#include "postrider/left_mail.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/io.h"
#include "util/log.h"
#include "util/process.h"
#include "util/strings.h"
#include "util/text.h"

#define PROGRAM_SIZE_MAX ((size_t)64 << 20)

static void take_problem(void *context, const struct error *problem)
{
    check_error(context, problem);
}

/* A finding for each of them. */
static bool has_problems(struct check *check, const struct aliases *aliases)
{
    const struct local_names local = destination_local_names(check->config);
    size_t before = check->count;

    aliases_check(aliases, &local, take_problem, check);
    return check->count > before;
}

static void check_aliases_file(struct check *check,
                               const struct aliases *aliases,
                               const struct stat *status)
{
    const struct config *config = check->config;
    char *remedy = alloc_format("chmod 644 %s", config->aliases);

    if ((status->st_mode & 022) != 0)
        check_fail(check, remedy, "others can write %s (mode %04o)",
                   config->aliases, (unsigned)status->st_mode & 07777);
    else if (config->delivery == DELIVERY_QUEUE &&
             (status->st_mode & S_IROTH) == 0)
        check_fail(check, remedy, "not all who send mail can read %s (mode "
                   "%04o)", config->aliases,
                   (unsigned)status->st_mode & 07777);
    else if (!has_problems(check, aliases))
        check_ok(check, "%s: %zu", config->aliases, aliases_count(aliases));
    free(remedy);
}

void check_aliases(struct check *check)
{
    const char *path = check->config->aliases;
    struct error err = { 0 };
    struct stat status;

    if (*path == '\0' || stat(path, &status) == -1) {
        check_ok(check, *path == '\0' ? "none are used" : "there is no %s",
                 path);
        return;
    }
    struct aliases *aliases = aliases_load(path, &err);
    if (aliases == NULL)
        check_error(check, &err);
    else
        check_aliases_file(check, aliases, &status);
    aliases_free(aliases);
}

/* Does one of the destinations leave the machine's own names? */
static bool leads_out(const struct strings *list,
                      const struct local_names *local)
{
    bool out = false;

    for (size_t i = 0; i < list->count && !out; i++) {
        char *name = local_name_without_alias(list->items[i], local);
        out = name == NULL;
        free(name);
    }
    return out;
}

static void check_refusal(struct check *check, const char *name,
                          const struct flaws *flaws)
{
    struct error why = flaws->first;

    error_prefix(&why, "mail for %s is refused", name);
    check_error(check, &why);
}

static void check_recipient(struct check *check, const char *name,
                            const struct aliases *aliases)
{
    const struct config *config = check->config;
    const struct local_names local = destination_local_names(config);
    struct recipients found = { 0 };
    bool is_alias = aliases != NULL &&
                    aliases_expand(aliases, name, &local, &found);
    const struct strings list = found.addresses;

    if (is_alias && list.count == 0 && found.discards)
        check_warn(check, "give it an address", "mail for %s is discarded",
                   name);
    else if (is_alias && list.count == 0)
        check_refusal(check, name, &found.flaws);
    else if (is_alias && leads_out(&list, &local))
        check_ok(check, "mail for %s goes to %s%s", name, list.items[0],
                 list.count > 1 ? ", and others" : "");
    else if (*config->local_recipient != '\0')
        check_ok(check, "mail for %s goes to %s", name,
                 config->local_recipient);
    else
        check_warn(check, "set local_recipient, or write \"root: "
                   "you@example.com\" and \"postmaster: root\" into the "
                   "aliases file", "mail for %s goes to %s@%s, which may not "
                   "be a mailbox", name,
                   is_alias && list.count > 0 ? list.items[0] : name,
                   config->domain);
    recipients_free(&found);
}

/* Where reports to root go. That it cannot be found out has been reported
 * before. */
static void check_reports(struct check *check)
{
    const struct config *config = check->config;
    char *path = alloc_format("root@%s", config->domain);
    const struct sender_rule *rule = config_sender(config, "root", path, NULL);
    struct destinations *where = destinations_new(config, false);
    struct recipients found = { 0 };
    struct error ignored;

    bool is_ruled = rule != NULL && *rule->address != '\0';
    if (destinations_find(where, is_ruled ? rule->address : "root", &found,
                          &ignored) && found.addresses.count > 0)
        check_ok(check, "reports about mail that root sent go to %s%s",
                 found.addresses.items[0],
                 found.addresses.count > 1 ? ", and others" : "");
    recipients_free(&found);
    destinations_free(where);
    free(path);
}

void check_root(struct check *check)
{
    static const char *const names[] = { "root", "postmaster" };
    const struct config *config = check->config;
    struct error ignored;

    if (*config->redirect_all != '\0') {
        check_warn(check, "remove redirect_all when testing is over",
                   "all mail goes to %s, whatever its recipients",
                   config->redirect_all);
        return;
    }
    /* Why they cannot be read has been reported. */
    struct aliases *aliases =
        *config->aliases != '\0' ? aliases_load(config->aliases, &ignored)
                                 : NULL;
    for (size_t i = 0; i < COUNT(names); i++)
        check_recipient(check, names[i], aliases);
    aliases_free(aliases);
    check_reports(check);
}

/* Our sendmail knows this name; another MTA's does not. */
static bool is_ours(int fd)
{
    static const char sign[] = "POSTRIDER_CONFIG";
    struct error ignored;
    struct buf text;

    buf_init(&text, PROGRAM_SIZE_MAX);
    bool ours = io_read_all(fd, &text, &ignored) &&
                memmem(text.data, text.length, sign, sizeof sign) != NULL;
    buf_free(&text);
    return ours;
}

static void check_program(struct check *check, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1 && (errno == EACCES || errno == EPERM)) {
        check_unseen(check, "%s", path);
    } else if (fd == -1 || fstat(fd, &status) == -1) {
        check_fail(check, "reinstall the package", "%s: %s: programs that "
                   "send mail do not find it", path, strerror(errno));
    } else if (!is_ours(fd)) {
        check_fail(check, "remove the other mail system's package, or choose "
                   "with update-alternatives", "%s is another program: mail "
                   "does not come here", path);
    } else if ((status.st_mode & 06000) != 0) {
        char *remedy = alloc_format("chmod ug-s %s", path);
        check_fail(check, remedy, "%s has a set-id bit, which it does not "
                   "need", path);
        free(remedy);
    } else {
        check_ok(check, "%s", path);
    }
    io_close(&fd);
}

/* Is this how the machine as a whole sends mail? */
static bool is_systems_configuration(const struct config *config)
{
    return *config->path == '\0' ||
           text_starts(config->path, POSTRIDER_SYSCONFDIR "/postrider/");
}

/* Where programs look, as a rule. */
static void check_usual_places(struct check *check)
{
    static const char *const places[] = { "/usr/sbin/sendmail",
                                          "/usr/lib/sendmail" };

    for (size_t i = 0; i < COUNT(places); i++)
        if (access(places[i], F_OK) == 0)
            check_program(check, places[i]);
        else
            check_warn(check, "make it a link to sendmail", "%s: %s: some "
                       "programs look for it there",
                       places[i], strerror(errno));
}

void check_log(struct check *check)
{
    static const char *const words[] = {
        [LOG_TO_SYSLOG] = "syslog",
        [LOG_TO_STDERR] = "standard error",
        [LOG_OFF] = "off, as configured",
    };

    if (check->config->log == LOG_TO_SYSLOG &&
        access("/dev/log", F_OK) == -1)
        check_warn(check, "start a syslog service, or set log = stderr",
                   "no process reads /dev/log: log lines are lost");
    else
        check_ok(check, "%s", words[check->config->log]);
}

/* Programs beside this one: of a build, or another prefix. */
static void check_beside(struct check *check, const char *self)
{
    char *sendmail = path_beside(self, "sendmail");

    check_program(check, sendmail);
    free(sendmail);
}

void check_programs(struct check *check)
{
    char *self = process_executable();

    if (self == NULL) {
        check_unseen(check, "the programs: /proc is not mounted");
        return;
    }
    check_program(check, self);
    if (is_systems_configuration(check->config))
        check_usual_places(check);
    else
        check_beside(check, self);
    free(self);
}

/* Root sees all of it; to others that is not worth a line. */
void check_left(struct check *check)
{
    size_t before = check->count;
    bool seen = true;

    for (size_t i = 0; i < LEFT_PLACES; i++) {
        const struct left_place *place = &left_places[i];
        size_t count;

        seen &= left_mail_count(place, &count);
        if (count > 0)
            check_warn(check, place->remedy, "%s has left %zu message%s in "
                       "%s, which Postrider does not send", place->agent,
                       count, count == 1 ? "" : "s", place->folder);
    }
    if (seen && check->count == before)
        check_ok(check, "no mail of another mail system waits here");
}
