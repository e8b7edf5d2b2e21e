#include "util/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/alloc.h"
#include "util/text.h"

static const char spaces[] = " \t\r\n";

/* Cut the next word out of a line; NULL at its end. */
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, spaces);
    char *end = word + strcspn(word, spaces);

    *line = *end == '\0' ? end : end + 1;
    *end = '\0';
    return *word == '\0' ? NULL : word;
}

/* The first name with a dot on a line of hosts(5) that knows host, or NULL. */
static char *full_name_on_line(char *line, const char *host)
{
    const char *full = NULL;
    const char *word;
    bool knows = false;

    line[strcspn(line, "#")] = '\0';
    next_word(&line);                               /* the address */
    while ((word = next_word(&line)) != NULL) {
        knows = knows || text_equal_case(word, host);
        if (full == NULL && strchr(word, '.') != NULL &&
            !text_starts_case(word, "localhost"))
            full = word;
    }
    return knows ? alloc_string(full) : NULL;
}

static char *find_in_hosts(const char *host)
{
    FILE *file = fopen("/etc/hosts", "re");
    char *line = NULL, *found = NULL;
    size_t size = 0;

    if (file == NULL)
        return NULL;
    while (found == NULL && getline(&line, &size, file) != -1)
        found = full_name_on_line(line, host);
    free(line);
    fclose(file);
    return found;
}

char *process_host_name(void)
{
    struct utsname system;

    if (uname(&system) == -1 || system.nodename[0] == '\0')
        return alloc_string("localhost");
    if (strchr(system.nodename, '.') == NULL) {
        char *full = find_in_hosts(system.nodename);
        if (full != NULL)
            return full;
    }
    return alloc_string(system.nodename);
}
