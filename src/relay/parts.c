#include "relay/parts.h"

#include "relay/clocks.h"
#include "relay/dispatch.h"
#include "relay/expiry.h"
#include "relay/hops.h"
#include "relay/messages.h"
#include "relay/metrics.h"
#include "relay/pickup.h"
#include "relay/question.h"
#include "relay/requests.h"
#include "relay/result.h"
#include "relay/storage.h"
#include "relay/troubles.h"

/* Those that bring messages in, and to their ends. */
static void make_way(struct parts *parts)
{
    parts->storage = storage_new(parts->messages, parts->hops, parts->control);
    parts->pickup = pickup_new(&(struct pickup_parts){
        .config = parts->config,
        .spool = parts->spool,
        .messages = parts->messages,
        .hops = parts->hops,
        .storage = parts->storage,
        .totals = &parts->totals,
    });
    parts->dispatch = dispatch_new(parts->messages, parts->hops);
    parts->result = result_new(&(struct result_parts){
        .config = parts->config,
        .messages = parts->messages,
        .hops = parts->hops,
        .control = parts->control,
        .totals = &parts->totals,
    });
    parts->answers = (struct worker_answers){
        .config = parts->config,
        .messages = parts->messages,
        .hops = parts->hops,
        .storage = parts->storage,
        .control = parts->control,
        .totals = &parts->totals,
        .result = parts->result,
    };
    parts->expiry = expiry_new(parts->config, parts->messages, parts->hops);
}

/* Those that report on the others. */
static void make_answers(struct parts *parts, const struct moment *now)
{
    parts->troubles = troubles_new(parts->messages, parts->pickup);
    parts->metrics = metrics_new(&(struct metrics_parts){
        .config = parts->config,
        .messages = parts->messages,
        .hops = parts->hops,
        .troubles = parts->troubles,
        .totals = &parts->totals,
    }, now->wall);
    parts->requests = requests_new(&(struct question_parts){
        .messages = parts->messages,
        .hops = parts->hops,
        .storage = parts->storage,
        .pickup = parts->pickup,
        .metrics = parts->metrics,
        .troubles = parts->troubles,
        .launch = parts->launch,
    });
}

void parts_make(struct parts *parts, const struct strings *journals,
                const struct moment *now)
{
    parts->totals = (struct totals){ 0 };
    parts->hops = hops_new(parts->config, parts->launch, parts->spool, journals,
                           now);
    parts->messages = messages_new(parts->config, parts->spool, &parts->totals);
    make_way(parts);
    make_answers(parts, now);
}

void parts_free(struct parts *parts)
{
    requests_free(parts->requests);
    metrics_free(parts->metrics);
    troubles_free(parts->troubles);
    expiry_free(parts->expiry);
    result_free(parts->result);
    dispatch_free(parts->dispatch);
    pickup_free(parts->pickup);
    storage_free(parts->storage);
    messages_free(parts->messages);
    hops_free(parts->hops);
}
