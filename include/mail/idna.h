/*
 * idna.h - domain names that are not ASCII, as A-labels (RFC 5890)
 */
#ifndef POSTRIDER_MAIL_IDNA_H
#define POSTRIDER_MAIL_IDNA_H

/*
 * The domain with each label that is not ASCII as its A-label (RFC 5890, RFC
 * 3492): "xn--bcher-kva.example". Capitals of the Latin, Greek and Cyrillic
 * scripts become small; nothing else is mapped (RFC 5895), and whether a label
 * may exist is left to the look-up. The caller frees it. NULL if there is none:
 * not UTF-8, a label that needs more than 63 octets, or letters with combining
 * marks, which may be another spelling of one character.
 */
char *idna_domain(const char *domain);

#endif
