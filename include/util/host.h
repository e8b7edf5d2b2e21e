/*
 * host.h - names of hosts, and what this machine is called
 */
#ifndef POSTRIDER_UTIL_HOST_H
#define POSTRIDER_UTIL_HOST_H

#include <stdbool.h>

/*
 * The name that text gives, as servers take it in EHLO and after the @ of a
 * sender: labels of letters, digits and inner hyphens (RFC 5321 section
 * 4.1.2), each of up to 63 octets; octets beyond ASCII pass. A dot at the end
 * is cut. NULL if it is not such a name. The caller frees it.
 */
char *host_name_of(const char *text);

/* Can the DNS hold it, as the name of a host or a domain of mail? As above, but
 * an underscore, which hosts do have, and a number at the end pass; a dot at
 * the end does not. */
bool host_is_name(const char *text);

/* Does every machine call itself so: localhost and its kin? */
bool host_is_anyones(const char *name);

/* The kernel's name, whatever it is; "localhost" without one. The caller frees
 * it. */
char *host_kernel_name(void);

/*
 * The machine's full name as far as it can be known without asking the
 * network: the kernel's, or that which /etc/hosts has for it. NULL if there is
 * none that servers take. The caller frees it.
 */
char *host_full_name(void);

#endif
