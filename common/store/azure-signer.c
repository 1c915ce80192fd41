/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-signer.c: signs with an account's key; see azure-signer.h.
 *
 * To find HMAC and SHA-256 in OpenSSL 3 and to take in a key costs several
 * times what it costs to sign a request. So contexts that have the key are
 * kept: one that only is copied, and as many more as have been in use at a
 * time. The lock protects the list of those that are not.
 */
#include "store/azure-signer.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "utils/cleanup.h"

#define MAC_LENGTH 32

struct context {
  struct context *next;
  EVP_MAC_CTX *mac;
};

struct azure_signer {
  EVP_MAC_CTX *keyed;   /* never used itself */
  pthread_mutex_t lock; /* protects idle */
  struct context *idle;
};

/* A context with the key taken in, or NULL. */
static EVP_MAC_CTX *
take_key_in(const unsigned char *key, size_t key_length)
{
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  EVP_MAC_CTX *mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;

  EVP_MAC_free(hmac); /* mac holds it */
  if (mac != NULL && !EVP_MAC_init(mac, key, key_length, params)) {
    EVP_MAC_CTX_free(mac);
    mac = NULL;
  }
  return mac;
}

struct azure_signer *
azure_signer_new(const unsigned char *key, size_t key_length)
{
  struct azure_signer *signer = calloc(1, sizeof *signer);

  if (signer == NULL)
    return NULL;
  signer->keyed = take_key_in(key, key_length);
  if (signer->keyed == NULL) {
    free(signer);
    return NULL;
  }
  pthread_mutex_init(&signer->lock, NULL);
  return signer;
}

/* OpenSSL wipes what it frees here. */
static void
context_free(struct context *context)
{
  EVP_MAC_CTX_free(context->mac);
  free(context);
}

void
azure_signer_free(struct azure_signer *signer)
{
  struct context *context;

  if (signer == NULL)
    return;
  while ((context = signer->idle) != NULL) {
    signer->idle = context->next;
    context_free(context);
  }
  EVP_MAC_CTX_free(signer->keyed);
  pthread_mutex_destroy(&signer->lock);
  free(signer);
}

static struct context *
context_new(const struct azure_signer *signer)
{
  struct context *context = calloc(1, sizeof *context);

  if (context == NULL)
    return NULL;
  context->mac = EVP_MAC_CTX_dup(signer->keyed);
  if (context->mac == NULL) {
    free(context);
    return NULL;
  }
  return context;
}

static struct context *
take_context(struct azure_signer *signer)
{
  {
    LOCK_FOR_SCOPE(&signer->lock);
    struct context *context = signer->idle;

    if (context != NULL) {
      signer->idle = context->next;
      return context;
    }
  }
  return context_new(signer);
}

static void
give_back(struct azure_signer *signer, struct context *context)
{
  LOCK_FOR_SCOPE(&signer->lock);
  context->next = signer->idle;
  signer->idle = context;
}

int
azure_sign(struct azure_signer *signer, const char *text, size_t length,
           char signature[AZURE_SIGNATURE_MAX])
{
  unsigned char mac[MAC_LENGTH];
  size_t mac_length = 0;
  struct context *context = take_context(signer);

  if (context == NULL)
    return STATUS_NO_MEMORY;
  /* Without a key: begin again with the one that it has. */
  if (!EVP_MAC_init(context->mac, NULL, 0, NULL) ||
      !EVP_MAC_update(context->mac, (const unsigned char *)text, length) ||
      !EVP_MAC_final(context->mac, mac, &mac_length, sizeof mac) ||
      mac_length != sizeof mac) {
    context_free(context);
    return STATUS_NO_MEMORY;
  }
  give_back(signer, context);
  EVP_EncodeBlock((unsigned char *)signature, mac, (int)sizeof mac);
  OPENSSL_cleanse(mac, sizeof mac);
  return 0;
}
