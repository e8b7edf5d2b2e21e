/* Lists of addresses, as in arguments and fields. */
#include "../input.h"
#include "mail/address.h"
#include "mail/recipients.h"
#include "util/buf.h"

typedef bool parse(struct mailbox_list *list, const char *text, size_t length,
                   struct error *err);

/* An address that may go on the wire is the same in any of its forms. */
static void check_forms(const char *address)
{
    struct error err;

    if (!address_check(address, &err)) {
        promise_error(&err);
        return;
    }
    PROMISE(!text_has_control(address, strlen(address)));
    PROMISE(strlen(address) <= ADDRESS_LENGTH_MAX);
    PROMISE(*address != '-');
    char *canonical = address_canonical(address);
    char *again = address_canonical(canonical);
    char *local = address_local_name(address);
    char *same = address_local_name(canonical);
    PROMISE(strcmp(canonical, again) == 0);
    PROMISE(strcmp(local, same) == 0);
    PROMISE(address_equal(address, address));
    PROMISE(address_check(canonical, &err));
    free(same);
    free(local);
    free(again);
    free(canonical);
}

/* A local name in quotes, such as "a@b", is another address by itself. */
static bool is_quoted_name(const struct mailbox *box)
{
    return !box->has_domain && *box->address == '"';
}

/* An address that a list gave is an address by itself, and the same one; but
 * for one that will be refused, such as u@x.. */
static void check_alone(const struct mailbox *box)
{
    struct error err;

    if (is_quoted_name(box) ||
        (box->has_domain && !address_check(box->address, &err)))
        return;
    char *again = address_parse_one(box->address, &err);

    PROMISE(again != NULL && strcmp(again, box->address) == 0);
    free(again);
}

static void check_mailbox(const struct mailbox *box, size_t length)
{
    PROMISE(box->name <= box->start && box->start <= box->end);
    PROMISE(box->end <= length && box->comma <= length);
    PROMISE(!text_has_control(box->address, strlen(box->address)));
    PROMISE(box->has_domain == (address_at(box->address) != NULL));
    check_alone(box);
    check_forms(box->address);
}

/* The same, but for the root's dot: u@x.. was u@x. before. */
static void promise_same(const char *address, const char *again)
{
    size_t length = strlen(again);

    PROMISE(strncmp(again, address, length) == 0);
    PROMISE(address[length] == '\0' || strcmp(address + length, ".") == 0);
}

/* The addresses, and nothing but them, are the same list. */
static void check_again(const struct mailbox_list *list)
{
    struct mailbox_list again = { 0 };
    struct error err;
    struct buf text;
    size_t count = 0;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < list->count; i++)
        if (!is_quoted_name(&list->items[i]))
            buf_add_format(&text, "<%s>,", list->items[i].address);
    PROMISE(mailbox_list_parse_recipients(&again, text.data, text.length,
                                          &err));
    for (size_t i = 0; i < list->count; i++)
        if (!is_quoted_name(&list->items[i])) {
            PROMISE(count < again.count);
            promise_same(list->items[i].address, again.items[count++].address);
        }
    PROMISE(again.count == count && !again.is_repaired);
    mailbox_list_free(&again);
    buf_free(&text);
}

/* With the commas that it says are missing the text is the same list. */
static void check_commas(const struct mailbox_list *list, const char *text,
                         size_t length)
{
    struct mailbox_list again = { 0 };
    struct error err;
    struct buf repaired;

    buf_init(&repaired, SIZE_MAX);
    buf_add(&repaired, text, length);
    for (size_t i = list->count; i-- > 0; )
        if (list->items[i].comma > 0)
            buf_replace(&repaired, list->items[i].comma, 0, ",", 1);
    PROMISE(mailbox_list_parse(&again, repaired.data, repaired.length, &err));
    PROMISE(again.count == list->count);
    for (size_t i = 0; i < list->count; i++)
        PROMISE(strcmp(again.items[i].address, list->items[i].address) == 0);
    mailbox_list_free(&again);
    buf_free(&repaired);
}

static void check_order(const struct mailbox_list *list, size_t length)
{
    size_t before = 0;

    for (size_t i = 0; i < list->count; i++) {
        check_mailbox(&list->items[i], length);
        PROMISE(list->items[i].start >= before);
        before = list->items[i].end;
        PROMISE(list->items[i].comma == 0 || list->is_repaired);
    }
}

static void check_list(parse *read, const char *text, size_t length)
{
    struct mailbox_list list = { 0 };
    struct error err;

    if (read(&list, text, length, &err)) {
        check_order(&list, length);
        check_again(&list);
        check_commas(&list, text, length);
    } else {
        promise_error(&err);
        PROMISE(err.fault == FAULT_DATA && list.count == 0);
    }
    mailbox_list_free(&list);
}

/* Recipients in a list that is refused as a whole: none is lost that it has if
 * it is not, and reasons are lines. */
static void check_recipients(const char *text, size_t length)
{
    struct mailbox_list list = { 0 };
    struct flaws flaws = { 0 };

    recipients_read(&list, &flaws, text, length);
    PROMISE(flaws.texts.count == flaws.reasons.count);
    for (size_t i = 0; i < flaws.texts.count; i++) {
        promise_one_line(flaws.texts.items[i]);
        promise_one_line(flaws.reasons.items[i]);
    }
    for (size_t i = 0; i < list.count; i++)
        check_forms(list.items[i].address);
    flaws_free(&flaws);
    mailbox_list_free(&list);
}

/* A text of one address is a list of one. */
static void check_one(const char *text)
{
    struct mailbox_list list = { 0 };
    struct error err;
    char *address = address_parse_one(text, &err);
    bool is_list = mailbox_list_parse(&list, text, strlen(text), &err);

    if (address == NULL)
        promise_error(&err);
    else if (*address != '\0' && is_list)
        PROMISE(list.count == 1 &&
                strcmp(list.items[0].address, address) == 0);
    free(address);
    mailbox_list_free(&list);
    char *argument = address_argument(text, &err);
    if (argument == NULL)
        promise_error(&err);
    for (const char *p = argument; p != NULL && *p != '\0'; p++)
        PROMISE(*p == '\t' || !text_is_control(*p));
    free(argument);
}

/* The name of a user is that of the address made of it. */
static void check_name(const char *name)
{
    char *local = address_local_part(name);
    char *again = address_local_name(local);

    if (!text_has_control(name, strlen(name)) && *name != '\0')
        PROMISE(strcmp(again, name) == 0);
    free(again);
    free(local);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_bytes((const char *)data, size);

    /* No NUL is after it that would hide a read beyond its end. */
    check_list(mailbox_list_parse, (const char *)data, size);
    check_list(mailbox_list_parse_recipients, (const char *)data, size);
    check_recipients((const char *)data, size);
    check_one(text);
    check_forms(text);
    check_name(text);
    free(text);
    return 0;
}
