// The few things every user of HTTP shares, whatever the transport.
#include "daemon/net/http.h"

#include <boost/beast/core/string.hpp>

namespace redflag::daemon {

std::string_view HttpResponse::header(std::string_view name) const {
  for (const HttpHeader& each : headers) {
    if (boost::beast::iequals(each.name, name)) {
      return each.value;
    }
  }
  return {};
}

}  // namespace redflag::daemon
