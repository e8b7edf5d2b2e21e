#include "relay/connect.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/password.h"
#include "net/digest.h"
#include "net/race.h"
#include "net/srv.h"
#include "smtp/advice.h"
#include "smtp/capability.h"
#include "smtp/open.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/host.h"
#include "util/secret.h"
#include "util/strings.h"
#include "util/text.h"

/* --- Where a smarthost is reached. --- */

/* name is whose certificate it is to have. */
static bool add_target(struct targets *targets, const struct srv_target *at,
                       const char *name, enum inet_use inet,
                       struct error *err)
{
    static const enum dial_family families[] = {
        [INET_ANY] = DIAL_ANY,
        [INET_IPV4] = DIAL_IPV4,
        [INET_IPV6] = DIAL_IPV6,
    };
    struct dial_list addresses = { 0 };

    if (!dial_resolve(&addresses, at->host, at->port, families[inet], err))
        return false;
    targets->items = alloc_resize(targets->items, targets->count + 1,
                                  sizeof *targets->items);
    targets->items[targets->count++] = (struct target){
        .host = alloc_string(at->host),
        .name = alloc_string(name),
        .port = at->port,
        .addresses = addresses,
    };
    return true;
}

/* The domain of a service name, after "._tcp."; NULL: it is none. */
static const char *service_domain(const char *host)
{
    const char *protocol = strchr(host, '.');

    return *host == '_' && protocol != NULL &&
           text_starts_case(protocol, "._tcp.") ? protocol + 6 : NULL;
}

static bool add_service(struct targets *targets,
                        const struct smarthost *smarthost, const char *domain,
                        struct error *err)
{
    const char *host = smarthost->host;
    char *service = alloc_bytes(host, (size_t)(domain - 1 - host));
    struct srv_list list = { 0 };

    bool done = srv_lookup(&list, service, domain, err);
    if (done && list.count == 0)
        error_set(err, FAULT_TEMPORARY, "look up host %s: it has no SRV "
                  "record", host);
    for (size_t i = 0; done && i < list.count; i++) {
        const struct srv_target *target = &list.items[i];
        bool inside = srv_in_domain(target->host, domain);
        (void)add_target(targets, target, inside ? target->host : domain,
                         smarthost->inet, err);
    }
    srv_list_free(&list);
    free(service);
    return targets->count > 0;
}

bool targets_find(struct targets *targets, const struct smarthost *smarthost,
                  struct error *err)
{
    const struct srv_target self = { .host = smarthost->host,
                                     .port = smarthost->port };
    const char *domain = service_domain(smarthost->host);

    *targets = (struct targets){ 0 };
    return domain != NULL
           ? add_service(targets, smarthost, domain, err)
           : add_target(targets, &self, self.host, smarthost->inet, err);
}

void targets_free(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        free(targets->items[i].host);
        free(targets->items[i].name);
        dial_list_free(&targets->items[i].addresses);
    }
    free(targets->items);
    *targets = (struct targets){ 0 };
}

/* --- A session with it. --- */

#define CONNECT_TIMEOUT 30000       /* milliseconds an address may take */

struct candidate {
    const struct target *target;
    const struct dial_address *address;
};

struct connector {
    const struct config *config;
    const struct smarthost *smarthost;
    struct tls_context *tls;
    struct secret secret;
    char *refused;              /* digest_name() of a token that the smarthost
                                 * refused; NULL: none */
    bool is_refused;            /* ... in the last session */
    bool is_renewed;            /* the secret is another one */
    struct distrust distrust;
    unsigned ignored;           /* extensions_ignored, as flags */
    struct targets targets;     /* none before connector_prepare() */
    struct candidate *candidates;   /* all of them, in the order to be tried */
    size_t count;
    char *preferred;            /* the peer to be tried first; NULL: none */
    size_t silent;              /* addresses to be tried last */
    char *peer;
    struct error best;          /* why there is no session: the error of the
                                 * address where opening one got furthest, */
    size_t best_index;          /* which is this candidate, */
    struct strings others;      /* and the errors of the others */
    session_trace *trace;
    void *trace_context;
};

struct connector *connector_new(const struct config *config,
                                const struct smarthost *smarthost,
                                session_trace *trace, void *trace_context)
{
    struct connector *connector = alloc_zero(1, sizeof *connector);

    connector->config = config;
    connector->smarthost = smarthost;
    connector->trace = trace;
    connector->trace_context = trace_context;
    for (size_t i = 0; i < smarthost->extensions_ignored.count; i++)
        connector->ignored |=
            capability_flag(smarthost->extensions_ignored.items[i]);
    return connector;
}

void connector_free(struct connector *connector)
{
    if (connector == NULL)
        return;
    tls_context_free(connector->tls);
    secret_wipe(&connector->secret);
    free(connector->refused);
    targets_free(&connector->targets);
    free(connector->candidates);
    free(connector->preferred);
    free(connector->peer);
    strings_free(&connector->others);
    free(connector);
}

void connector_prefer(struct connector *connector, const char *peer)
{
    free(connector->preferred);
    connector->preferred = alloc_string(peer);
}

void connector_pass_over(struct connector *connector, size_t count)
{
    connector->silent = count;
}

void connector_refuse_token(struct connector *connector, const char *token)
{
    /* A manager that was taken over can send one to any worker. */
    if (*connector->smarthost->oauth == '\0')
        return;
    free(connector->refused);
    connector->refused = alloc_string(token);
    connector->is_renewed = true;
}

const char *connector_refused_token(const struct connector *connector)
{
    return connector->is_refused ? connector->refused : NULL;
}

const char *connector_peer(const struct connector *connector)
{
    return connector->peer != NULL ? connector->peer : "none";
}

/* A line of the trace, of what comes before the session. */
static void remark(const struct connector *connector, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void remark(const struct connector *connector, const char *format, ...)
{
    struct buf text;
    va_list args;

    if (connector->trace == NULL)
        return;
    buf_init(&text, SIZE_MAX);
    va_start(args, format);
    buf_add_vformat(&text, format, args);
    va_end(args);
    connector->trace(connector->trace_context, TRACE_REMARK, text.data);
    buf_free(&text);
}

static void await(const struct connector *connector, enum trace_event event)
{
    if (connector->trace != NULL)
        connector->trace(connector->trace_context, event, "");
}

static void remark_addresses(const struct connector *connector,
                             const struct target *target)
{
    const struct dial_list *list = &target->addresses;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < list->count; i++)
        buf_add_format(&text, "%s%s", i == 0 ? "" : ", ", list->items[i].text);
    remark(connector, "%s has the address%s %s", target->host,
           list->count == 1 ? "" : "es", text.data);
    buf_free(&text);
}

struct tls_settings connector_tls(const struct smarthost *smarthost)
{
    return (struct tls_settings){
        .ca_file = smarthost->tls_ca_file,
        .fingerprint = smarthost->tls_fingerprint,
        .cert_file = smarthost->tls_cert_file,
        .key_file = smarthost->tls_key_file,
        .groups = smarthost->tls_groups,
        .min_version = smarthost->tls_min_version,
    };
}

static bool prepare_tls(struct connector *connector, struct error *err)
{
    const struct tls_settings settings = connector_tls(connector->smarthost);

    if (connector->smarthost->tls == TLS_NONE || connector->tls != NULL)
        return true;
    connector->tls = tls_context_new(&settings, err);
    if (connector->tls != NULL)
        remark(connector, "TLS is ready");
    return connector->tls != NULL;
}

static bool prepare_secret(struct connector *connector, struct error *err)
{
    const struct smarthost *host = connector->smarthost;

    if (strcmp(host->auth, "none") == 0 || connector->secret.data != NULL ||
        !password_configured(host))
        return true;
    if (password_is_printed(host))
        await(connector, *host->oauth != '\0' ? AWAITS_TOKEN
                                              : AWAITS_PASSWORD);
    if (!(connector->is_renewed
          ? password_renew(connector->config, host, connector->refused,
                           &connector->secret, err)
          : password_fetch(connector->config, host, &connector->secret, err)))
        return false;
    remark(connector, "%s of %s fetched",
           *host->oauth != '\0' ? "token" : "password", host->user);
    return true;
}

/* "smtp.example.com[192.0.2.1]:587"; the caller frees it. */
static char *name_candidate(const struct candidate *candidate)
{
    return alloc_format("%s[%s]:%u", candidate->target->host,
                        candidate->address->text, candidate->target->port);
}

static void put_first(struct connector *connector, size_t index)
{
    struct candidate first = connector->candidates[index];

    memmove(connector->candidates + 1, connector->candidates,
            index * sizeof first);
    connector->candidates[0] = first;
}

static void prefer_candidate(struct connector *connector)
{
    for (size_t i = 0; connector->preferred != NULL && i < connector->count;
         i++) {
        char *name = name_candidate(&connector->candidates[i]);
        bool preferred = strcmp(name, connector->preferred) == 0;
        free(name);
        if (preferred)
            put_first(connector, i);
    }
}

static void pass_over_silent(struct connector *connector)
{
    size_t count = connector->count;
    size_t silent = count > 0 ? connector->silent % count : 0;

    for (size_t i = silent; silent > 0 && i < count; i++)
        put_first(connector, count - 1);
}

static void add_candidates(struct connector *connector,
                           const struct target *target)
{
    size_t count = target->addresses.count;

    connector->candidates = alloc_resize(connector->candidates,
                                         connector->count + count,
                                         sizeof *connector->candidates);
    for (size_t i = 0; i < count; i++)
        connector->candidates[connector->count++] = (struct candidate){
            .target = target, .address = &target->addresses.items[i] };
}

static bool prepare_targets(struct connector *connector, struct error *err)
{
    struct targets *targets = &connector->targets;

    if (targets->count > 0)
        return true;
    await(connector, AWAITS_ADDRESS);
    if (!targets_find(targets, connector->smarthost, err))
        return false;
    for (size_t i = 0; i < targets->count; i++) {
        remark_addresses(connector, &targets->items[i]);
        add_candidates(connector, &targets->items[i]);
    }
    prefer_candidate(connector);
    pass_over_silent(connector);
    return true;
}

bool connector_prepare(struct connector *connector, struct error *err)
{
    return prepare_secret(connector, err) && prepare_tls(connector, err) &&
           prepare_targets(connector, err);
}

struct distrust *connector_distrust(struct connector *connector)
{
    return &connector->distrust;
}

const struct targets *connector_targets(const struct connector *connector)
{
    return &connector->targets;
}

static void set_peer(struct connector *connector, size_t index)
{
    free(connector->peer);
    connector->peer = name_candidate(&connector->candidates[index]);
}

static struct session *open_at(struct connector *connector,
                               const struct target *target, int fd,
                               int64_t deadline, struct error *err)
{
    static const enum session_security securities[] = {
        [TLS_STARTTLS] = SESSION_STARTTLS,
        [TLS_IMPLICIT] = SESSION_IMPLICIT,
        [TLS_NONE] = SESSION_CLEAR,
    };
    const struct smarthost *host = connector->smarthost;
    bool has_user = *host->user != '\0' || *host->tls_cert_file != '\0';
    bool undecided = strcmp(host->auth, "auto") == 0 && !has_user;
    const struct session_settings settings = {
        .host = target->name,
        .port = target->port,
        .hello = host_is_anyones(connector->config->hostname)
                 ? NULL : connector->config->hostname,
        .security = securities[host->tls],
        .tls = connector->tls,
        .auth = undecided ? "none" : host->auth,
        .login_undecided = undecided,
        .user = host->user,
        .secret = connector->secret.data != NULL ? &connector->secret : NULL,
        .secret_is_token = *host->oauth != '\0',
        .has_client_certificate = *host->tls_cert_file != '\0',
        .password_in_clear = host->password_in_clear,
        .ignored = connector->ignored,
        .distrust = &connector->distrust,
        .timeout = host->timeout,
        .trace = connector->trace,
        .trace_context = connector->trace_context,
    };

    remark(connector, "connected to %s", connector->peer);
    return session_open(fd, &settings, deadline, err);
}

/* Would another address give the same? */
static bool is_final(const struct error *err)
{
    return err->fault == FAULT_PERMISSION || err->fault == FAULT_CONFIG;
}

/* No session with this one. Of several, the error of the one that was reached
 * best is kept. */
static void note_failure(void *context, size_t index, const struct error *err)
{
    struct connector *connector = context;
    struct error *best = &connector->best;
    bool is_first = best->fault == FAULT_NONE;
    bool is_better = is_first || is_final(err) || err->reach > best->reach;
    const char *other = is_better ? best->what : err->what;

    remark(connector, "%s", err->text);
    if (!is_first && strcmp(err->what, best->what) != 0 &&
        !strings_has(&connector->others, other))
        strings_add(&connector->others, other);
    if (is_better) {
        *best = *err;
        connector->best_index = index;
    }
}

static void forget_failures(struct connector *connector)
{
    connector->best = (struct error){ 0 };
    strings_free(&connector->others);
}

/* Add a remedy to the error of a connection: the settings that may be wrong are
 * known here. */
static void advise(const struct connector *connector, struct error *err)
{
    const struct candidate *candidate =
        &connector->candidates[connector->best_index];
    const char *advice =
        advice_unreached(err->reach, candidate->target->port,
                         strchr(candidate->address->text, ':') != NULL);

    if (advice != NULL && *err->remedy == '\0')
        error_remedy(err, "%s", advice);
}

static struct race *start_race(struct connector *connector)
{
    const struct smarthost *host = connector->smarthost;
    struct race *race = race_new(host->source_address,
                                 clock_earlier(host->timeout, CONNECT_TIMEOUT),
                                 note_failure, connector);

    for (size_t i = 0; i < connector->count; i++)
        race_add(race, connector->candidates[i].address);
    return race;
}

/* Would another token be taken? Microsoft has 5.7.139 for a policy that
 * refuses them all. */
static bool is_token_refused(const struct connector *connector,
                             const struct error *err)
{
    return *connector->smarthost->oauth != '\0' &&
           connector->secret.data != NULL &&
           err->fault == FAULT_PERMISSION && err->reply.code == 535 &&
           strcmp(err->reply.status, "5.7.139") != 0;
}

/* The token after a refused one was refused, too: what can be done? */
static void advise_login(const struct connector *connector, struct error *err)
{
    const struct smarthost *host = connector->smarthost;
    const struct oauth *oauth = config_oauth(connector->config, host->oauth);
    bool is_exchange = strcmp(err->reply.status, "5.7.3") == 0;
    const char *delay = is_exchange
                        ? "; new permissions take up to two hours" : "";

    if (*err->remedy != '\0')
        return;
    if (oauth != NULL && oauth->flow == OAUTH_REFRESH_TOKEN)
        error_remedy(err, "log in again: postrider-oauth login %s (as %s)%s",
                     host->oauth, host->user, delay);
    else
        error_remedy(err, "may the application of oauth \"%s\" send as %s?%s",
                     host->oauth, host->user, delay);
}

/* The smarthost refused a token: the next worker asks for another one. */
static void note_refused_token(struct connector *connector, struct error *err)
{
    struct buf name;

    if (connector->is_renewed)
        advise_login(connector, err);
    buf_init(&name, SIZE_MAX);
    digest_name(&name, connector->secret.data);
    free(connector->refused);
    connector->refused = buf_take(&name);
    connector->is_refused = true;
    secret_wipe(&connector->secret);
}

struct session *connector_open_once(struct connector *connector,
                                    int64_t deadline, struct error *err)
{
    struct session *session = NULL;
    size_t index;
    int fd;

    forget_failures(connector);
    connector->is_refused = false;
    if (!connector_prepare(connector, err))
        return NULL;
    struct race *race = start_race(connector);
    await(connector, AWAITS_CONNECTION);
    while (session == NULL && !is_final(&connector->best) &&
           (fd = race_next(race, &index, deadline)) != -1) {
        set_peer(connector, index);
        session = open_at(connector, connector->candidates[index].target, fd,
                          deadline, err);
        if (session == NULL)
            note_failure(connector, index, err);
    }
    race_free(race);
    if (session == NULL) {
        *err = connector->best;
        if (is_token_refused(connector, err))
            note_refused_token(connector, err);
        advise(connector, err);
        set_peer(connector, connector->best_index);
    } else {
        put_first(connector, index);
    }
    return session;
}

struct session *connector_open(struct connector *connector, int64_t deadline,
                               struct error *err)
{
    struct session *session = connector_open_once(connector, deadline, err);

    if (!connector->is_refused || connector->is_renewed)
        return session;
    remark(connector, "the token was refused: another one is asked for");
    connector->is_renewed = true;
    return connector_open_once(connector, deadline, err);
}

bool connector_name_others(const struct connector *connector,
                           struct error *err)
{
    const struct strings *others = &connector->others;
    struct buf text;

    if (others->count == 0)
        return false;
    buf_init(&text, sizeof err->what);
    for (size_t i = 0; i < others->count; i++)
        buf_add_format(&text, "%s%s", i == 0 ? "" : "; ", others->items[i]);
    error_append(err, " (other addresses: %s)", text.data);
    buf_free(&text);
    return false;
}
