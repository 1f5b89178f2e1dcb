#include "daemon/api/local_api.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "daemon/api/bodies.h"
#include "daemon/api/drain.h"
#include "daemon/api/forms.h"
#include "daemon/base/user_name.h"

namespace redflag::daemon {
namespace {

constexpr std::uint32_t kOverflowUid = 65534;  // what the kernel says of a user whom we may not know
constexpr std::size_t kMaxUsers = 1000;

HttpServerLimits limits() {
  HttpServerLimits limits;
  limits.max_body_bytes = api::kMaxBodyBytes;
  limits.max_connections = 64;
  return limits;
}

ServerResponse complaint(int status, std::string_view what) {
  const std::string_view code = status == 413   ? "too_large"
                                : status == 431 ? "too_large"
                                : status == 500 ? "internal_error"
                                                : "malformed";
  return api::error_response(status, code, what,
                             status == 413 ? fmt::format("{} bytes are allowed", api::kMaxBodyBytes) : "");
}

}  // namespace

std::string UserNames::of(std::uint32_t uid) {
  if (const auto found = known_.find(uid); found != known_.end()) return found->second;
  std::string name = uid == kOverflowUid ? fmt::format("uid {}", uid) : user_name(uid);
  if (known_.size() < kMaxUsers) known_.emplace(uid, name);
  return name;
}

LocalApi::LocalApi(asio::any_io_executor executor, Clock& clock, Operations& operations, Views& views,
                   ApiSettings settings)
    : clock_(clock),
      settings_(std::move(settings)),
      handlers_(operations, views, clock, [this](std::uint32_t uid) { return users_.of(uid); }),
      server_(
          std::move(executor), clock,
          [this](ServerRequest request) { return handlers_.answer(std::move(request)); }, limits()) {
  server_.set_complaint(complaint);
}

Result<void> LocalApi::start() {
  const std::string directory = settings_.socket.substr(0, settings_.socket.rfind('/'));
  if (!directory.empty() && ::mkdir(directory.c_str(), 0700) == 0) {
    // Ours, new and empty: the umask is not what decides who may come through.
    if ((settings_.mode & 0077U) != 0) (void)::chmod(directory.c_str(), 0755);
  } else if (!directory.empty() && errno != EEXIST) {
    return fail(errno == ENOENT ? ErrorCode::invalid_input : ErrorCode::denied,
                fmt::format("making the directory {} for the local API's socket", directory),
                std::strerror(errno), "set api.socket to a path where redflagd may write");
  }
  return server_.listen_unix(settings_.socket, settings_.mode, settings_.group);
}

asio::awaitable<void> LocalApi::stop(Duration patience) {
  co_await api::drained(server_, clock_, patience);
}

}  // namespace redflag::daemon
