/* check_config.c - checks of the configuration: files, smarthosts, senders */
#include "postrider/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/destination.h"
#include "config/password_command.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/host.h"
#include "util/strings.h"
#include "util/text.h"

void check_folder(struct check *check, const char *path)
{
    char *folder = path_folder(path);
    struct stat status;

    if (stat(folder, &status) == 0 && (status.st_mode & 022) != 0 &&
        (status.st_mode & S_ISVTX) == 0) {
        char *remedy = alloc_format("chmod go-w %s", folder);
        check_fail(check, remedy, "others can write %s, and put another file "
                   "in the place of %s", folder, path);
        free(remedy);
    }
    free(folder);
}

static void check_file(struct check *check, const char *path)
{
    size_t before = check->count;
    struct stat status;

    if (stat(path, &status) == -1)
        return;                         /* it was read a moment ago */
    char *remedy = alloc_format("chown root:root %s && chmod 644 %s", path,
                                path);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        check_fail(check, remedy, "%s belongs to uid %lu, who can send all "
                   "mail elsewhere", path, (unsigned long)status.st_uid);
    else if ((status.st_mode & 022) != 0)
        check_fail(check, remedy, "%s: others can write it (mode %04o)", path,
                   (unsigned)status.st_mode & 07777);
    else if (status.st_uid == 0 && (status.st_mode & S_IROTH) == 0 &&
             check->config->delivery == DELIVERY_QUEUE)
        check_fail(check, remedy, "%s: not all who send mail can read it "
                   "(mode %04o)", path, (unsigned)status.st_mode & 07777);
    free(remedy);
    check_folder(check, path);
    if (check->count == before)
        check_ok(check, "%s", path);
}

/* The smarthosts can be in a separate file. */
void check_configuration(struct check *check)
{
    const struct config *config = check->config;

    if (*config->path == '\0' && *config->source == '\0')
        check_ok(check, "no file: every key has its default");
    if (*config->path != '\0')
        check_file(check, config->path);
    if (*config->source != '\0' && strcmp(config->source, config->path) != 0)
        check_file(check, config->source);
}

/* echo 'secret' is not a place for a secret: all who send mail read the file,
 * and all users see the arguments of processes. */
static bool shows_password(const struct smarthost *host)
{
    struct strings words = { 0 };
    bool shows = false;

    if (password_command_split(host->password_command, &words) &&
        words.count > 0) {
        const char *name = path_name(words.items[0]);
        shows = strcmp(name, "echo") == 0 || strcmp(name, "printf") == 0;
    }
    for (size_t i = 0; i < words.count; i++)
        explicit_bzero(words.items[i], strlen(words.items[i]));
    strings_free(&words);
    return shows;
}

/* Its port is that of its SRV records, whatever the configuration has. */
static bool is_service(const struct smarthost *host)
{
    return *host->host == '_';
}

static bool is_for_tls(const struct smarthost *host)
{
    return is_service(host) ? text_starts_case(host->host,
                                               "_submissions._tcp.")
                            : host->port == 465;
}

static bool is_for_starttls(const struct smarthost *host)
{
    return is_service(host) ? text_starts_case(host->host, "_submission._tcp.")
                            : host->port == 25 || host->port == 587;
}

/* The caller frees it. */
static char *place_of(const struct smarthost *host)
{
    return is_service(host) ? alloc_string(host->host)
                            : alloc_format("%s port %u", host->host,
                                           (unsigned)host->port);
}

/* Port or service mean one thing, and tls another: as a rule the two sides then
 * wait for each other. */
static void check_port(struct check *check, const struct smarthost *host)
{
    char *place = place_of(host);

    if (host->tls == TLS_STARTTLS && is_for_tls(host))
        check_warn(check, "set tls = implicit", "%s: %s is for TLS at once, "
                   "and tls = starttls waits for a greeting in clear",
                   host->name, place);
    else if (host->tls == TLS_IMPLICIT && is_for_starttls(host))
        check_warn(check, is_service(host)
                              ? "set tls = starttls"
                              : "set tls = starttls, or port = 465",
                   "%s: %s is for STARTTLS, and tls = implicit begins TLS at "
                   "once", host->name, place);
    free(place);
}

/* Servers at these ports are for clients that log in (RFC 6409 section 4.3);
 * whether this one offers it is seen by `postrider test`. */
static void check_login(struct check *check, const struct smarthost *host)
{
    if (*host->user == '\0' && *host->tls_cert_file == '\0' &&
        strcmp(host->auth, "auto") == 0 &&
        (host->port == 465 || host->port == 587))
        check_warn(check, "set user and password_file, or auth = none if it "
                   "needs no login", "%s: no user is set, and port %u is for "
                   "clients that log in", host->name, (unsigned)host->port);
}

static void check_smarthost(struct check *check, const struct smarthost *host)
{
    size_t before = check->count;
    char *place = place_of(host);

    check_port(check, host);
    check_login(check, host);
    if (shows_password(host))
        check_warn(check, "put it into a file of mode 0400, and set "
                   "password_file", "%s: password_command only prints the "
                   "password, which every user can read in the configuration",
                   host->name);
    if (host->tls == TLS_NONE && !config_is_loopback(host->host))
        check_warn(check, "set tls = starttls", "%s: tls = none: any host on "
                   "the way to %s can read and change mail", host->name,
                   host->host);
    if (check->count == before)
        check_ok(check, "%s: %s", host->name, place);
    free(place);
}

void check_smarthosts(struct check *check)
{
    if (check->config->smarthost_count == 0)
        check_fail(check, "run postrider setup", "there is none: no mail can "
                   "leave");
    for (size_t i = 0; i < check->config->smarthost_count; i++)
        check_smarthost(check, &check->config->smarthosts[i]);
}

static const char name_remedy[] = "set hostname = \"NAME.example.com\"";
static const char domain_remedy[] = "set domain = \"example.com\"";

static void check_hostname(struct check *check)
{
    const struct config *config = check->config;
    const char *name = config->hostname;
    bool is_set = config_is_set(config, "hostname");

    if (host_is_anyones(name) && is_set)
        check_fail(check, name_remedy, "hostname is %s, as every machine calls "
                   "itself: EHLO gives the address instead", name);
    else if (host_is_anyones(name))
        check_fail(check, name_remedy, "this machine is called %s, which is "
                   "not a host name: EHLO gives the address instead",
                   config->kernel_name);
    else if (*name == '[' || strchr(name, '.') != NULL)
        check_ok(check, "hostname is %s", name);
    else
        check_warn(check, name_remedy, "hostname is %s: some smarthosts refuse "
                   "a name without a domain", name);
}

/* A name that cannot be used is a mistake, even if something else is. */
static void check_mailname(struct check *check)
{
    char *word = config_is_set(check->config, "domain") ? NULL
                                                       : config_mailname();
    char *name = word != NULL ? host_name_of(word) : NULL;

    if (word != NULL && (name == NULL || host_is_anyones(name)))
        check_fail(check, "write the domain of this machine's mail into it",
                   "/etc/mailname: servers take no mail from a domain %s: it "
                   "is not used", word);
    free(name);
    free(word);
}

/* Is it below a name that the public DNS will not have: kept for that by RFC
 * 6761, 6762 and 8375, or what routers and clouds call their networks? */
static bool is_private(const char *domain)
{
    static const char *const names[] = {
        ".local", ".localdomain", ".internal", ".lan", ".home.arpa", ".home",
        ".corp", ".intranet", ".private", ".invalid",
    };
    size_t length = strlen(domain);

    for (size_t i = 0; i < COUNT(names); i++) {
        size_t part = strlen(names[i]);
        if (length > part && text_equal_case(domain + length - part, names[i]))
            return true;
    }
    return false;
}

static void check_domain(struct check *check)
{
    const char *domain = check->config->domain;

    check_mailname(check);
    if (host_is_anyones(domain))
        check_fail(check, domain_remedy, "domain is %s: servers refuse mail "
                   "from root@%s", domain, domain);
    else if (is_private(domain))
        check_warn(check, domain_remedy, "domain is %s, which the public DNS "
                   "does not have: mail from root@%s is refused by many",
                   domain, domain);
    else if (strchr(domain, '.') != NULL)
        check_ok(check, "domain is %s", domain);
    else
        check_warn(check, domain_remedy, "domain is %s: mail from root@%s is "
                   "refused by most", domain, domain);
}

void check_names(struct check *check)
{
    const struct config *config = check->config;

    check_hostname(check);
    check_domain(check);
    if (destination_local_names(config).host_has_mailboxes)
        check_ok(check, "hostname and domain are both %s: mail for "
                 "NAME@%s leaves this machine, unless NAME has an alias",
                 config->hostname, config->domain);
}

/* That the smarthosts exist was seen when the file was read. */
void check_senders(struct check *check)
{
    const struct config *config = check->config;
    size_t i = 0;

    while (i < config->sender_count &&
           strcmp(config->senders[i].match, "*") != 0)
        i++;
    for (size_t next = i + 1; next < config->sender_count; next++)
        check_warn(check, "put sender \"*\" last", "sender \"%s\" is never "
                   "used: the first that matches counts, and sender "
                   "\"*\" comes before it", config->senders[next].match);
    if (i + 1 >= config->sender_count)
        check_ok(check, "%zu sender section%s", config->sender_count,
                 config->sender_count == 1 ? "" : "s");
}
