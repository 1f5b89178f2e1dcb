// Basic authentication (RFC 7617).
#include "daemon/net/proxy.h"

#include <cstddef>

#include <openssl/evp.h>

namespace redflag::daemon {

std::string proxy_authorization(const Proxy& proxy) {
  if (proxy.credentials.empty() || proxy.credentials.size() > 4096) {
    return {};
  }
  std::string encoded(4 * ((proxy.credentials.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                     reinterpret_cast<const unsigned char*>(proxy.credentials.data()),
                                     static_cast<int>(proxy.credentials.size()));
  encoded.resize(static_cast<std::size_t>(length));
  return "Basic " + encoded;
}

}  // namespace redflag::daemon
