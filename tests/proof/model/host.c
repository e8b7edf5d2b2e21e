/* host.c - util/host.h: any answer, for strings */
#include "proof.h"

#include "util/host.h"

bool host_is_name(const char *text)
{
    (void)strlen(text);
    return proof_any();
}
