// The low-level hash functions only: they need no library initialisation (EVP's costs a millisecond at start)
// and still use the processor's SHA instructions.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
