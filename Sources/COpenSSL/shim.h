#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

/* What Swift cannot see of libcrypto by itself: macros and the functions they make. Nothing else lives here. */

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* A new key on the named curve, or NULL. */
static inline EVP_PKEY *copenssl_ec_generate(const char *curve) {
    return EVP_EC_gen(curve);
}

/* Bytes a memory BIO holds; they live as long as it does. */
static inline long copenssl_bio_bytes(BIO *bio, char **bytes) {
    return BIO_get_mem_data(bio, bytes);
}

/* A name as RFC 2253 writes it, escaped, in UTF-8. */
static inline int copenssl_name_print(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, (XN_FLAG_RFC2253 | ASN1_STRFLGS_UTF8_CONVERT) & ~ASN1_STRFLGS_ESC_MSB);
}

static inline STACK_OF(X509) *copenssl_certificates_new(void) { return sk_X509_new_null(); }
/* Gives up the list and a reference to each of its certificates. */
static inline void copenssl_certificates_free(STACK_OF(X509) *list) { sk_X509_pop_free(list, X509_free); }
static inline int copenssl_certificates_count(const STACK_OF(X509) *list) { return sk_X509_num(list); }
static inline X509 *copenssl_certificate_at(const STACK_OF(X509) *list, int index) {
    return sk_X509_value(list, index);
}

static inline int copenssl_names_count(const GENERAL_NAMES *list) { return sk_GENERAL_NAME_num(list); }
static inline GENERAL_NAME *copenssl_name_at(const GENERAL_NAMES *list, int index) {
    return sk_GENERAL_NAME_value(list, index);
}
static inline int copenssl_names_push(GENERAL_NAMES *list, GENERAL_NAME *name) {
    return sk_GENERAL_NAME_push(list, name);
}

static inline int copenssl_objects_count(const EXTENDED_KEY_USAGE *list) { return sk_ASN1_OBJECT_num(list); }
static inline ASN1_OBJECT *copenssl_object_at(const EXTENDED_KEY_USAGE *list, int index) {
    return sk_ASN1_OBJECT_value(list, index);
}

static inline int copenssl_revoked_count(const STACK_OF(X509_REVOKED) *list) { return sk_X509_REVOKED_num(list); }
static inline X509_REVOKED *copenssl_revoked_at(const STACK_OF(X509_REVOKED) *list, int index) {
    return sk_X509_REVOKED_value(list, index);
}

#endif
