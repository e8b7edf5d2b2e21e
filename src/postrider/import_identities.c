/* import_identities.c - several servers, and the senders that use each */
#include <stdlib.h>
#include <string.h>

#include "postrider/import.h"
#include "postrider/recipe.h"
#include "util/text.h"

/* The name of the section that the identity uses: the first, the usual one
 * before all, that says the same. */
static const char *section_of(const struct import_identity *identities,
                              size_t count, size_t usual, size_t i)
{
    const struct import_account *own = &identities[i].account;

    if (import_account_equal(own, &identities[usual].account))
        return identities[usual].account.name;
    for (size_t k = 0; k < count; k++)
        if (import_account_equal(own, &identities[k].account))
            return identities[k].account.name;
    return own->name;
}

static bool has_own_section(const struct import_identity *identities,
                            size_t count, size_t usual, size_t i)
{
    return section_of(identities, count, usual, i) ==
           identities[i].account.name;
}

/* Chosen by a name on the command line only, which sendmail does not have. */
static void note_unreachable(const struct import *import, const char *name)
{
    import_note(import, "no sender chooses %s: give a sender section "
                "smarthost = \"%s\" if it is needed", name, name);
}

void import_identities(struct import *import,
                       const struct import_identity *identities, size_t count,
                       size_t usual)
{
    const struct import_identity *rest = &identities[usual];
    bool has_several = false;

    import_smarthost(import, &rest->account);
    for (size_t i = 0; i < count; i++)
        if (i != usual && has_own_section(identities, count, usual, i)) {
            import_smarthost(import, &identities[i].account);
            has_several = true;
        }
    for (size_t i = 0; i < count; i++) {
        const struct import_identity *one = &identities[i];
        if (i == usual)
            continue;
        import->line = one->line;
        if (one->from != NULL)
            import_sender(import, one->from, NULL, one->full_name,
                          has_several ? section_of(identities, count, usual, i)
                                      : NULL);
        else if (has_own_section(identities, count, usual, i))
            note_unreachable(import, one->account.name);
    }
    import->line = rest->line;
    if (has_several || rest->from != NULL || rest->full_name != NULL)
        import_sender(import, "*", rest->from, rest->full_name,
                      has_several ? rest->account.name : NULL);
    import->line = 0;
}

void import_identities_free(struct import_identity *identities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        import_account_free(&identities[i].account);
        free(identities[i].from);
        free(identities[i].full_name);
    }
    free(identities);
}

void import_delivery(struct import *import)
{
    char *path = realpath(import->file, NULL);

    import->is_own = path == NULL || !text_starts(path, "/etc/");
    if (import->is_own)
        recipe_set(import->recipe, "delivery", "direct");
    else
        import_note(import, "callers do not wait for the server any more: "
                    "Postrider queues, and tries again when it must; delivery "
                    "= direct has them wait");
    free(path);
}
