#include "daemon/page/gate.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/listen_address.h"
#include "daemon/net/hmac.h"

namespace redflag::daemon::page {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::string_view kCookie = "redflag_session";

bool is_token(std::string_view text) {
  return text.size() == 2 * kTokenBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

tl::unexpected<Error> storage(const std::string& path, std::string what, std::string advice = {}) {
  return fail(ErrorCode::storage, "keeping the live page's token in " + path, std::move(what),
              std::move(advice));
}

Result<Secret> read_token(const std::string& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return storage(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return storage(path, "it is no regular file");
  if ((status.st_mode & 0077U) != 0)
    return storage(path, "others can read it", "remove it: a new one is made at the next start");
  std::string text(2 * kTokenBytes + 2, '\0');
  const ssize_t size = ::read(fd, text.data(), text.size());
  if (size < 0) return storage(path, std::strerror(errno));
  text.resize(static_cast<std::size_t>(size));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const bool good = is_token(text);
  Secret token(good ? text : std::string());
  wipe(text);
  if (!good)
    return storage(path, "there is no token in it", "remove it: a new one is made at the next start");
  return token;
}

/// Beside its place first, so that a crash leaves either no token or a whole one.
Result<Secret> write_token(const std::string& path) {
  const std::string fresh = path + ".new";
  (void)::unlink(fresh.c_str());
  Descriptor file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (file.fd < 0) return storage(path, std::strerror(errno));
  std::string text = random_hex(kTokenBytes);
  Secret token(text);
  const bool written = ::write(file.fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(file.fd) == 0 && ::rename(fresh.c_str(), path.c_str()) == 0;
  wipe(text);
  if (!written) {
    const std::string what = std::strerror(errno);
    (void)::unlink(fresh.c_str());
    return storage(path, what);
  }
  return token;
}

std::string_view strip(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

}  // namespace

Result<Secret> page_token(const std::string& directory) {
  const std::string path = directory + "/page_token";
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (file.fd >= 0) return read_token(path, file.fd);
  if (errno != ENOENT) return storage(path, std::strerror(errno));
  return write_token(path);
}

std::string random_hex(std::size_t bytes) {
  std::array<unsigned char, 64> buffer{};
  bytes = std::min(bytes, buffer.size());
  // Cannot fail for so few bytes once the system has booted (getrandom(2)).
  while (::getrandom(buffer.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
  }
  std::string hex;
  for (std::size_t i = 0; i < bytes; ++i) hex += fmt::format("{:02x}", buffer[i]);
  return hex;
}

Gate::Gate(Secret token, const Clock& clock) : token_(std::move(token)), clock_(clock) {
  base_ = "/" + sign("base").substr(0, 16) + "/";
}

std::string Gate::sign(std::string_view text) const {
  return hmac_sha256_hex(token_.reveal(), text);
}

std::string Gate::make_code() {
  const Duration now = clock_.monotonic();
  std::erase_if(codes_, [&](const auto& each) { return each.second <= now; });
  while (codes_.size() >= kMostCodes) {
    codes_.erase(std::min_element(codes_.begin(), codes_.end(),
                                  [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  std::string code = random_hex(16);
  // What is kept is the digest: how long a look-up takes tells nothing about a code then.
  codes_.emplace(sign(code), now + kCodeLife);
  return code;
}

std::optional<std::string> Gate::redeem(std::string_view code) {
  const auto found = codes_.find(sign(code.substr(0, 64)));
  if (found == codes_.end() || code.size() > 64) return std::nullopt;
  const bool good = clock_.monotonic() < found->second;
  codes_.erase(found);
  if (!good) return std::nullopt;
  const auto ends = std::chrono::floor<std::chrono::seconds>(clock_.now() + kSessionLife);
  const std::string text = fmt::format("{}.{}", ends.time_since_epoch().count(), random_hex(8));
  return text + "." + sign("session " + text);
}

bool Gate::admits(const ServerRequest& request) const {
  std::string_view cookies = request.header("Cookie");
  while (!cookies.empty()) {
    const std::string_view each = strip(cookies.substr(0, cookies.find(';')));
    cookies.remove_prefix(std::min(cookies.size(), cookies.find(';') == std::string_view::npos
                                                       ? cookies.size()
                                                       : cookies.find(';') + 1));
    const std::size_t equals = each.find('=');
    if (equals == std::string_view::npos || each.substr(0, equals) != kCookie) continue;
    const std::string_view session = each.substr(equals + 1);
    const std::size_t dot = session.rfind('.');
    if (dot == std::string_view::npos) continue;
    const std::string_view text = session.substr(0, dot);
    const std::string expected = sign("session " + std::string(text));
    if (!equal_in_constant_time(session.substr(dot + 1), expected)) continue;
    std::int64_t ends = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), ends).ec != std::errc{}) continue;
    if (clock_.now() < Time{std::chrono::seconds{ends}}) return true;
  }
  return false;
}

std::string Gate::cookie(const std::string& session) const {
  return fmt::format("{}={}; Path={}; Max-Age={}; HttpOnly; SameSite=Strict", kCookie, session, base_,
                     std::chrono::duration_cast<std::chrono::seconds>(kSessionLife).count());
}

bool Gate::failed() {
  const Duration now = clock_.monotonic();
  while (!failures_.empty() && failures_.front() + std::chrono::minutes{1} <= now) failures_.pop_front();
  if (failures_.size() >= kMostFailures) return true;
  failures_.push_back(now);
  return false;
}

std::string objection(const ServerRequest& request) {
  const std::string_view host = request.header("Host");
  if (!names_loopback(host))
    return "this page is only for this machine: call it 127.0.0.1 or localhost, not by another name";
  const std::string_view site = request.header("Sec-Fetch-Site");
  const bool change = request.method != "GET" && request.method != "HEAD";
  // Following a link from elsewhere is fine: it brings no cookie, and nothing of the answer back.
  const bool visit = !change && request.header("Sec-Fetch-Mode") == "navigate" &&
                     request.header("Sec-Fetch-Dest") == "document";
  if (!visit && !site.empty() && site != "same-origin" && site != "none")
    return "another page's request is not answered";
  const std::string_view origin = request.header("Origin");
  if (!origin.empty() && origin != "http://" + std::string(host))
    return "another page's request is not answered";
  if (change && request.header(kChangeHeader) != "page")
    return fmt::format("a change needs the header {}: page", kChangeHeader);
  return {};
}

}  // namespace redflag::daemon::page
