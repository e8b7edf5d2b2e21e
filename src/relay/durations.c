#include "relay/durations.h"

#define PIECE 65536             /* octets that take as long as a message */

void durations_init(struct durations *durations)
{
    *durations = (struct durations){ .any = DURATIONS_UNKNOWN };
}

static int64_t pieces_of(uint64_t octets)
{
    return (int64_t)(1 + octets / PIECE);
}

/* DURATIONS_USERS: the user is not known. */
static size_t find_user(const struct durations *durations, uid_t uid)
{
    const struct duration *users = durations->users;
    size_t i = 0;

    while (i < DURATIONS_USERS && !(users[i].known && users[i].uid == uid))
        i++;
    return i;
}

/* The last one counts as much as all before it: what is slow today may be
 * quick tomorrow. */
static int64_t mean(int64_t before, int64_t last)
{
    return (before + last) / 2;
}

int64_t durations_note(struct durations *durations, uid_t uid, uint64_t octets,
                       int64_t duration)
{
    int64_t piece = duration * 1000 / pieces_of(octets);
    size_t user = find_user(durations, uid);

    durations->any = durations->any == DURATIONS_UNKNOWN
                     ? piece : mean(durations->any, piece);
    if (user < DURATIONS_USERS)
        durations->users[user].piece = mean(durations->users[user].piece,
                                            piece);
    else
        durations->users[durations->next++ % DURATIONS_USERS] =
            (struct duration){ .known = true, .uid = uid, .piece = piece };
    return piece;
}

int64_t durations_expect(const struct durations *durations, uid_t uid,
                         uint64_t octets)
{
    size_t user = find_user(durations, uid);

    return user == DURATIONS_USERS
           ? DURATIONS_UNKNOWN
           : durations->users[user].piece * pieces_of(octets);
}
