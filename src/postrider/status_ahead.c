#include "postrider/status_ahead.h"

#include <stdlib.h>

#include "util/alloc.h"

void status_forget_ahead(struct status_ahead *ahead)
{
    free(ahead->refusal);
    free(ahead->remedy);
    *ahead = (struct status_ahead){ 0 };
}

bool status_take_ahead(struct status_ahead *ahead,
                       const struct status_line *line)
{
    if (line->kind == STATUS_SINCE) {
        ahead->since = line->smarthost.since;
        ahead->next = line->smarthost.next;
    } else if (line->kind == STATUS_REFUSED) {
        ahead->refused = line->smarthost.refused;
        ahead->tried = line->smarthost.tried;
        free(ahead->refusal);
        ahead->refusal = alloc_string(line->smarthost.refusal);
    } else if (line->kind == STATUS_REMEDY) {
        free(ahead->remedy);
        ahead->remedy = alloc_string(line->trouble.remedy);
    } else {
        return false;
    }
    return true;
}

bool status_refuses_most(const struct status_ahead *ahead)
{
    return ahead->refusal != NULL && 2 * ahead->refused > ahead->tried;
}
