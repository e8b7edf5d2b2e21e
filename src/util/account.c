#include "util/process.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void process_account(uid_t uid, struct account *account)
{
    *account = (struct account){ 0 };
    if (find_in_file(uid, account))
        return;
    struct passwd *entry = getpwuid(uid);
    if (entry != NULL)
        fill(account, entry);
}

void account_free(struct account *account)
{
    free(account->login);
    free(account->full_name);
    free(account->home);
    *account = (struct account){ 0 };
}
