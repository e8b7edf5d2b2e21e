#include "postrider/config_draft.h"

#include <assert.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_keys.h"
#include "control/client.h"
#include "postrider/install.h"
#include "postrider/secrets.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/scratch.h"
#include "util/secret.h"
#include "util/strings.h"
#include "util/text.h"

struct setting {
    char *key;
    char *value;
    struct strings remarks;         /* before it */
};

struct section {
    char *kind;                     /* "" for the top of the file */
    char *name;
    struct strings remarks;
    struct setting *settings;
    size_t count;
    struct secret password;         /* or the secret of an oauth section */
    int memory;                     /* holds it, for config_draft_load() */
};

struct config_draft {
    struct section *sections;       /* the first is the top */
    size_t count;
    size_t current;
    struct strings remarks;         /* of what comes next */
    int memory;                     /* holds all, for config_draft_share() */
    bool is_shared;
    char *chosen;                   /* $POSTRIDER_CONFIG before that, or NULL */
};

static const char chosen_name[] = "POSTRIDER_CONFIG";

/* Put the remarks so far before this. */
static void take_remarks(struct config_draft *draft, struct strings *remarks)
{
    for (size_t i = 0; i < draft->remarks.count; i++)
        strings_add(remarks, draft->remarks.items[i]);
    strings_free(&draft->remarks);
}

static void add_section(struct config_draft *draft, const char *kind,
                        const char *name)
{
    draft->sections = alloc_resize(draft->sections, draft->count + 1,
                                   sizeof *draft->sections);
    struct section *section = &draft->sections[draft->count];
    *section = (struct section){ .kind = alloc_string(kind),
                                 .name = alloc_string(name), .memory = -1 };
    take_remarks(draft, &section->remarks);
    draft->current = draft->count++;
}

struct config_draft *config_draft_new(void)
{
    struct config_draft *draft = alloc_zero(1, sizeof *draft);

    draft->memory = -1;
    add_section(draft, "", "");
    return draft;
}

static void free_section(struct section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        free(section->settings[i].key);
        free(section->settings[i].value);
        strings_free(&section->settings[i].remarks);
    }
    free(section->settings);
    strings_free(&section->remarks);
    secret_wipe(&section->password);
    io_close(&section->memory);
    free(section->kind);
    free(section->name);
}

/* The descriptor's number is another file's soon. */
static void end_sharing(struct config_draft *draft)
{
    if (draft->chosen != NULL)
        setenv(chosen_name, draft->chosen, 1);
    else
        unsetenv(chosen_name);
    free(draft->chosen);
}

void config_draft_free(struct config_draft *draft)
{
    if (draft == NULL)
        return;
    if (draft->is_shared)
        end_sharing(draft);
    for (size_t i = 0; i < draft->count; i++)
        free_section(&draft->sections[i]);
    free(draft->sections);
    strings_free(&draft->remarks);
    io_close(&draft->memory);
    free(draft);
}

void config_draft_section(struct config_draft *draft, const char *kind,
                          const char *name)
{
    for (size_t i = 0; i < draft->count; i++)
        if (strcmp(draft->sections[i].kind, kind) == 0 &&
            strcmp(draft->sections[i].name, name) == 0) {
            draft->current = i;
            return;
        }
    add_section(draft, kind, name);
}

static struct setting *find_setting(struct section *section, const char *key)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->settings[i].key, key) == 0)
            return &section->settings[i];
    section->settings = alloc_resize(section->settings, section->count + 1,
                                     sizeof *section->settings);
    struct setting *setting = &section->settings[section->count++];
    *setting = (struct setting){ .key = alloc_string(key) };
    return setting;
}

void config_draft_set(struct config_draft *draft, const char *key,
                      const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    struct setting *setting =
        find_setting(&draft->sections[draft->current], key);
    free(setting->value);
    setting->value = alloc_string(value);
    take_remarks(draft, &setting->remarks);
}

void config_draft_remark(struct config_draft *draft, const char *format, ...)
{
    struct buf line;
    va_list args;

    buf_init(&line, SIZE_MAX);
    va_start(args, format);
    text_escape_vformat(&line, format, args);
    va_end(args);
    strings_take(&draft->remarks, buf_take(&line));
}

static bool is_oauth(const struct section *section)
{
    return strcmp(section->kind, "oauth") == 0;
}

void config_draft_password(struct config_draft *draft, const char *password)
{
    struct section *section = &draft->sections[draft->current];

    assert(strcmp(section->kind, "smarthost") == 0 || is_oauth(section));
    secret_wipe(&section->password);
    secret_take(&section->password, alloc_string(password), strlen(password));
}

static void add_remarks(const struct strings *remarks, const char *indent,
                        struct buf *out)
{
    for (size_t i = 0; i < remarks->count; i++)
        buf_add_format(out, "%s# %s\n", indent, remarks->items[i]);
}

/* A file that is only shown must not harm the terminal: \xNN replaces the
 * octet in quotes. */
static void add_quoted(const char *text, struct buf *out)
{
    struct buf quoted;

    buf_init(&quoted, SIZE_MAX);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(&quoted, '\\');
        buf_add_char(&quoted, *text);
    }
    buf_add_char(out, '"');
    text_escape(out, quoted.data, quoted.length);
    buf_add_char(out, '"');
    buf_free(&quoted);
}

/* As people write them: numbers and the words of the table as they are. */
static bool is_word(const struct section *section, const struct setting *set)
{
    enum config_section kind =
        strcmp(section->kind, "smarthost") == 0 ? CONFIG_SMARTHOST
        : strcmp(section->kind, "sender") == 0 ? CONFIG_SENDER
        : is_oauth(section) ? CONFIG_OAUTH : CONFIG_TOP;
    const struct config_keys *table = config_keys_of(kind);

    for (const char *p = set->value; *p != '\0'; p++)
        if (!text_is_alpha(*p) && !text_is_digit(*p) && *p != '-')
            return false;
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->keys[i].name, set->key) == 0)
            return table->keys[i].kind == CONFIG_PLAIN ||
                   table->keys[i].words != NULL;
    return false;
}

static void add_setting(const struct section *section,
                        const struct setting *setting, const char *indent,
                        struct buf *out)
{
    add_remarks(&setting->remarks, indent, out);
    buf_add_format(out, "%s%s = ", indent, setting->key);
    if (is_word(section, setting))
        buf_add_text(out, setting->value);
    else
        add_quoted(setting->value, out);
    buf_add_char(out, '\n');
}

static void add_section_text(const struct section *section,
                             const char *password_file, struct buf *out)
{
    bool is_top = *section->kind == '\0';
    const char *indent = is_top ? "" : "    ";

    add_remarks(&section->remarks, "", out);
    if (!is_top) {
        buf_add_format(out, "%s ", section->kind);
        add_quoted(section->name, out);
        buf_add_text(out, " {\n");
    }
    for (size_t i = 0; i < section->count; i++)
        add_setting(section, &section->settings[i], indent, out);
    char key[] = "password_file", oauth_key[] = "client_secret_file";
    if (password_file != NULL)
        add_setting(section, &(struct setting){
            .key = is_oauth(section) ? oauth_key : key,
            .value = (char *)password_file }, indent, out);
    if (!is_top)
        buf_add_text(out, "}\n");
}

/* Of this kind of section. */
static size_t count_passwords(const struct config_draft *draft,
                              const char *kind)
{
    size_t count = 0;

    for (size_t i = 0; i < draft->count; i++)
        count += draft->sections[i].password.data != NULL &&
                 strcmp(draft->sections[i].kind, kind) == 0;
    return count;
}

/* Names are free text, and those of files are not. */
static char *password_name(const struct config_draft *draft,
                       const struct section *section)
{
    struct buf name;

    buf_init(&name, SIZE_MAX);
    buf_add_text(&name, is_oauth(section) ? "client-secret" : "password");
    if (count_passwords(draft, section->kind) == 1)
        return buf_take(&name);
    buf_add_char(&name, '-');
    for (const char *p = section->name; *p != '\0'; p++)
        if (text_is_alpha(*p) || text_is_digit(*p) || strchr("._-", *p))
            buf_add_char(&name, *p);
        else
            buf_add_format(&name, "%%%02x", (unsigned char)*p);
    return buf_take(&name);
}

/* The path of the section's password; NULL if it has none. The caller
 * frees it. */
static char *password_path(const struct config_draft *draft,
                           const struct section *section, const char *path)
{
    if (section->password.data == NULL)
        return NULL;
    char *folder = secrets_folder(path);
    char *name = password_name(draft, section);
    char *whole = alloc_format("%s/%s", folder, name);
    free(folder);
    free(name);
    return whole;
}

static char *memory_path(int fd)
{
    return alloc_format("/proc/self/fd/%d", fd);
}

/* Append the text of the configuration, as of path; shared: with the places in
 * memory of what other programs are to read. */
static void add_text(struct buf *out, const struct config_draft *draft,
                     const char *path, bool shared)
{
    for (size_t i = 0; i < draft->count; i++) {
        const struct section *section = &draft->sections[i];
        char *password_file = shared && section->memory != -1
                              ? memory_path(section->memory)
                              : password_path(draft, section, path);
        if (out->length > 0)
            buf_add_char(out, '\n');
        add_section_text(section, password_file, out);
        free(password_file);
    }
    add_remarks(&draft->remarks, "", out);
}

void config_draft_print(const struct config_draft *draft, const char *path,
                        FILE *out)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    add_text(&text, draft, path, false);
    fwrite(text.data, 1, text.length, out);
    buf_free(&text);
}

static bool check_text(const char *what, const char *text, struct error *err)
{
    size_t length = strlen(text);

    if (!text_has_control(text, length) && text_is_utf8(text, length))
        return true;
    return error_set(err, FAULT_CONFIG, "%s: must be UTF-8 without control "
                     "characters", what);
}

/* An octet that would end a line or a file early never gets that far. */
static bool check_texts(const struct config_draft *draft, struct error *err)
{
    for (size_t i = 0; i < draft->count; i++) {
        const struct section *section = &draft->sections[i];
        if (!check_text(section->kind, section->name, err))
            return false;
        for (size_t k = 0; k < section->count; k++)
            if (!check_text(section->settings[k].key,
                            section->settings[k].value, err))
                return false;
        if (section->password.data == NULL)
            continue;
        if (section->password.length == 0 ||
            strpbrk(section->password.data, "\r\n") != NULL)
            return error_set(err, FAULT_CONFIG, "%s \"%s\": the %s must be one "
                             "line, not empty", section->kind, section->name,
                             is_oauth(section) ? "secret" : "password");
    }
    return true;
}

static struct config *load_text(const struct config_draft *draft,
                                const char *path, struct error *err)
{
    struct buf text;

    if (!check_texts(draft, err))
        return NULL;
    buf_init(&text, SIZE_MAX);
    add_text(&text, draft, path, false);
    struct config *config = config_load_text(path, text.data, text.length,
                                             err);
    buf_free(&text);
    return config;
}

bool config_draft_check(const struct config_draft *draft, const char *path,
                        struct error *err)
{
    struct config *config = load_text(draft, path, err);

    config_free(config);
    return config != NULL;
}

/* Root gives the passwords to the daemon's user; others keep them. */
static bool find_owner(const char *user, uid_t *owner, gid_t *group,
                       struct error *err)
{
    if (geteuid() != 0 || user == NULL || *user == '\0')
        return true;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        return error_set(err, FAULT_CONFIG, "there is no user %s to own the "
                         "password", user) ||
               error_remedy(err, "useradd --system --user-group --shell "
                            "/usr/sbin/nologin %s", user);
    *owner = entry->pw_uid;
    *group = entry->pw_gid;
    return true;
}

/* The path of its descriptor leads nowhere for other processes. */
static bool keep_password(struct section *section, const char *user,
                          struct error *err)
{
    uid_t owner = (uid_t)-1;
    gid_t group = (gid_t)-1;

    return find_owner(user, &owner, &group, err) &&
           scratch_keep(&section->memory, 0400, section->password.data,
                        section->password.length, err) &&
           (fchown(section->memory, owner, group) == 0 ||
            error_sys(err, FAULT_TEMPORARY, "change the owner of a password"));
}

struct config *config_draft_load(struct config_draft *draft, const char *path,
                                 const char *user, struct error *err)
{
    struct config *config = load_text(draft, path, err);
    size_t next = 0;

    for (size_t i = 0; config != NULL && i < draft->count; i++) {
        struct section *section = &draft->sections[i];
        if (strcmp(section->kind, "smarthost") != 0)
            continue;
        struct smarthost *smarthost = &config->smarthosts[next++];
        if (section->password.data == NULL)
            continue;
        if (!keep_password(section, user, err)) {
            config_free(config);
            return NULL;
        }
        free(smarthost->password_file);
        smarthost->password_file = memory_path(section->memory);
    }
    return config;
}

/* Programs that are started have it open under the same number. */
static bool share(int memory, struct error *err)
{
    return fcntl(memory, F_SETFD, 0) == 0 ||
           error_sys(err, FAULT_TEMPORARY, "share a file");
}

static bool share_secrets(struct config_draft *draft, const char *user,
                          struct error *err)
{
    for (size_t i = 0; i < draft->count; i++) {
        struct section *section = &draft->sections[i];
        if (!is_oauth(section) || section->password.data == NULL)
            continue;
        if (!keep_password(section, user, err) || !share(section->memory, err))
            return false;
    }
    return true;
}

/* True; or false with errno. */
static bool choose(struct config_draft *draft)
{
    char *name = memory_path(draft->memory);

    if (!draft->is_shared)
        draft->chosen = alloc_string(getenv(chosen_name));
    draft->is_shared = true;
    bool done = setenv(chosen_name, name, 1) == 0;
    free(name);
    return done;
}

bool config_draft_share(struct config_draft *draft, const char *path,
                        const char *user, struct error *err)
{
    struct buf text;

    if (!config_draft_check(draft, path, err) ||
        !share_secrets(draft, user, err))
        return false;
    buf_init(&text, SIZE_MAX);
    add_text(&text, draft, path, true);
    bool done = scratch_keep(&draft->memory, 0444, text.data, text.length,
                             err) &&
                share(draft->memory, err) &&
                (choose(draft) ||
                 error_sys(err, FAULT_TEMPORARY, "share a configuration"));
    buf_free(&text);
    return done;
}

static bool stage_passwords(const struct config_draft *draft, const char *path,
                            const char *user, struct install *install,
                            struct error *err)
{
    struct install_file file = { .mode = 0400, .owner = (uid_t)-1,
                                 .group = (gid_t)-1 };
    bool done = true;

    for (size_t i = 0; done && i < draft->count; i++) {
        const struct section *section = &draft->sections[i];
        char *place = password_path(draft, section, path);
        file.path = place;
        file.data = section->password.data;
        file.length = section->password.length;
        if (place != NULL)
            done = find_owner(user, &file.owner, &file.group, err) &&
                   secrets_make_folder(path, file.group, err) &&
                   install_stage(install, &file, err);
        free(place);
    }
    return done;
}

bool config_draft_install(const struct config_draft *draft, const char *path,
                          const char *user, bool replace, struct error *err)
{
    struct install install = { 0 };
    struct buf text;

    if (!config_draft_check(draft, path, err))
        return false;
    buf_init(&text, SIZE_MAX);
    add_text(&text, draft, path, false);
    const struct install_file file = {
        .path = path, .data = text.data, .length = text.length, .mode = 0644,
        .owner = (uid_t)-1, .group = (gid_t)-1,
    };
    bool done = stage_passwords(draft, path, user, &install, err) &&
                install_stage(&install, &file, err) &&
                install_commit(&install, replace, err);
    buf_free(&text);
    install_free(&install);
    return done;
}

static bool has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

/* The daemon reads its file when it starts, or gets SIGHUP. */
static void report_daemon(const struct config *config)
{
    struct error err = { 0 };

    if (client_reload(config->control, &err)) {
        puts("The daemon has read it.");
        return;
    }
    bool runs = err.fault != FAULT_UNAVAILABLE;
    if (runs)
        text_print(stdout, "The daemon has not read it: %s\n", err.text);
    if (has_systemd())
        printf("Now: systemctl %s postrider\n",
               runs ? "reload" : "enable --now");
    else
        puts(runs ? "Now: send postrider daemon a SIGHUP, to read it"
                  : "Now: start postrider daemon");
}

void config_draft_report(const char *path)
{
    struct error ignored;
    struct config *config = config_load_file(path, &ignored);

    text_print(stdout, "Written: %s\n", path);
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->smarthost_count; i++)
        if (*config->smarthosts[i].password_file != '\0')
            text_print(stdout, "Written: %s\n",
                       config->smarthosts[i].password_file);
    for (size_t i = 0; i < config->oauth_count; i++)
        if (*config->oauths[i].client_secret_file != '\0')
            text_print(stdout, "Written: %s\n",
                       config->oauths[i].client_secret_file);
    if (config->delivery == DELIVERY_QUEUE)
        report_daemon(config);
    config_free(config);
}
