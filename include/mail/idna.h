/*
 * idna.h - names of domains that are not ASCII, as the DNS has them
 */
#ifndef POSTRIDER_MAIL_IDNA_H
#define POSTRIDER_MAIL_IDNA_H

/*
 * The domain with each label that is not ASCII as its A-label (RFC 5890, RFC
 * 3492): "xn--bcher-kva.example". Capitals of the Latin, Greek and Cyrillic
 * scripts become small; nothing else is mapped (RFC 5895), and whether a label
 * may exist is for those to say who look it up. The caller frees it. NULL if it
 * cannot be: not UTF-8, a label that needs more than 63 octets, or letters with
 * combining marks, which may be another spelling of one character.
 */
char *idna_domain(const char *domain);

#endif
