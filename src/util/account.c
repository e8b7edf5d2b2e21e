/* account.c - the account of a uid, from /etc/passwd or getent(1) */
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"

/* The name is the first of the comma list; & stands for the login name with a
 * capital letter. */
static char *full_name_of(const struct passwd *entry)
{
    const char *gecos = entry->pw_gecos != NULL ? entry->pw_gecos : "";
    struct buf name;

    buf_init(&name, SIZE_MAX);
    for (; *gecos != '\0' && *gecos != ','; gecos++) {
        if (*gecos != '&') {
            buf_add_char(&name, *gecos);
            continue;
        }
        size_t start = name.length;
        buf_add_text(&name, entry->pw_name);
        if (name.length > start && name.data[start] >= 'a' &&
            name.data[start] <= 'z')
            name.data[start] = (char)(name.data[start] - 'a' + 'A');
    }
    return buf_take(&name);
}

static void fill(struct account *account, const struct passwd *entry)
{
    account->login = alloc_string(entry->pw_name);
    account->full_name = full_name_of(entry);
    account->home = alloc_string(entry->pw_dir);
}

/* Name services load libraries and may ask the network; nearly every caller
 * stands in the file. */
static bool find_in_file(uid_t uid, struct account *account)
{
    FILE *file = fopen("/etc/passwd", "re");
    struct passwd *entry;
    bool found = false;

    if (file == NULL)
        return false;
    while (!found && (entry = fgetpwent(file)) != NULL)
        if (entry->pw_uid == uid) {
            fill(account, entry);
            found = true;
        }
    fclose(file);
    return found;
}

/*
 * Ask the name services through getent(1), in a process of its own: they load
 * libraries into whoever asks, which a statically linked program must not do.
 */
static FILE *ask_name_services(uid_t uid, pid_t *child)
{
    char *number = alloc_format("%lu", (unsigned long)uid);
    char program[] = "getent", database[] = "passwd";
    char *arguments[] = { program, database, number, NULL };
    char *environment[] = { NULL };
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1) {
        free(number);
        return NULL;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int failure = posix_spawn(child, "/usr/bin/getent", &actions, NULL,
                              arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    free(number);
    FILE *answer = failure == 0 ? fdopen(ends[0], "r") : NULL;
    if (answer == NULL)
        close(ends[0]);
    return answer;
}

static void find_in_name_services(uid_t uid, struct account *account)
{
    pid_t child;
    FILE *answer = ask_name_services(uid, &child);

    if (answer == NULL)
        return;
    struct passwd *entry = fgetpwent(answer);
    if (entry != NULL && entry->pw_uid == uid)
        fill(account, entry);
    fclose(answer);
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR)
        ;
}

void process_account(uid_t uid, struct account *account)
{
    *account = (struct account){ 0 };
    if (!find_in_file(uid, account))
        find_in_name_services(uid, account);
}

void account_free(struct account *account)
{
    free(account->login);
    free(account->full_name);
    free(account->home);
    *account = (struct account){ 0 };
}
