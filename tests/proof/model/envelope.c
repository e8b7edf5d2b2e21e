/* envelope.c - mail/envelope.h: any answer, for strings */
#include "proof.h"

#include "mail/envelope.h"

bool envelope_set_reverse_path(struct envelope *env, const char *path,
                               struct error *err)
{
    (void)strlen(path);
    return proof_any() || error_set(err, FAULT_DATA, "wrong");
}

const char *envelope_reverse_path(const struct envelope *env)
{
    return "";
}

static bool add(struct envelope *env, struct error *err)
{
    static struct recipient one;

    if (proof_any())
        return error_set(err, FAULT_DATA, "wrong");
    env->recipients = &one;
    env->count = 1;
    return true;
}

bool envelope_add_recipient(struct envelope *env, const char *path,
                            const char *original, unsigned notify,
                            struct error *err)
{
    (void)strlen(path);
    if (original != NULL)
        (void)strlen(original);
    return add(env, err);
}

bool envelope_add_flawed(struct envelope *env, const char *text, size_t length,
                         const char *flaw, struct error *err)
{
    if (length > 0) {
        /*@ assert readable: \valid_read(text + (0 .. length - 1)); */
        /*@ assert set: \initialized(text + (0 .. length - 1)); */
    }
    (void)strlen(flaw);
    return add(env, err);
}

bool notify_parse(const char *text, unsigned *notify, struct error *err)
{
    (void)strlen(text);
    *notify = Frama_C_unsigned_int_interval(0, 15);
    return proof_any() || error_set(err, FAULT_USAGE, "wrong");
}

bool dsn_return_parse(const char *text, enum dsn_return *value,
                      struct error *err)
{
    (void)strlen(text);
    *value = RETURN_FULL;
    return proof_any() || error_set(err, FAULT_USAGE, "wrong");
}

bool xtext_check(const char *text)
{
    (void)strlen(text);
    return proof_any();
}
