#include "daemon/inspect/server.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "daemon/tensors/report_json.h"

namespace redflag::inspect {
namespace {

constexpr std::size_t kLongestPath = 65'536;
constexpr std::size_t kAhead = 32;                         // answers that may wait for one before them
constexpr std::uint64_t kLarge = std::uint64_t{64} << 20;  // bytes: worth more than one thread

/// The next path; nullopt at the end. One that is cut off at the end counts: a person may type it.
std::optional<std::string> next_path(std::FILE* in) {
  std::string path;
  int c = 0;
  while ((c = std::getc(in)) != EOF && c != 0) {
    if (path.size() < kLongestPath) path += static_cast<char>(c);
  }
  if (c == EOF && path.empty()) return std::nullopt;
  return path;
}

class Server {
 public:
  Server(std::FILE* in, std::FILE* out, const tensors::InspectOptions& options)
      : in_(in), out_(out), options_(options) {}

  int run() {
    std::vector<std::thread> helpers;
    try {
      for (std::size_t i = 1; i < options_.threads; ++i) helpers.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // No more threads to be had: those there are do it all.
    }
    work();
    for (std::thread& each : helpers) each.join();
    return failed_ ? 1 : 0;
  }

 private:
  void work() {
    try {
      while (auto job = take()) give(job->first, answer(job->second));
    } catch (const std::bad_alloc&) {
      ::_exit(kOutOfMemory);
    }
  }

  std::optional<std::pair<std::size_t, std::string>> take() {
    std::unique_lock<std::mutex> lock(reading_);
    auto path = next_path(in_);
    if (!path) return std::nullopt;
    const std::size_t index = taken_++;
    lock.unlock();
    std::unique_lock<std::mutex> waiting(writing_);
    room_.wait(waiting, [&] { return failed_ || index < written_ + kAhead; });
    if (failed_) return std::nullopt;
    return std::pair(index, std::move(*path));
  }

  std::string answer(const std::string& path) const {
    tensors::InspectOptions options = options_;
    struct stat info {};
    const bool large = ::stat(path.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) >= kLarge;
    if (!large) options.threads = 1;
    return tensors::to_json(tensors::inspect_file(path, options)) + "\n";
  }

  /// Writes it, and those behind it that waited for it.
  void give(std::size_t index, std::string line) {
    const std::lock_guard<std::mutex> lock(writing_);
    ready_.emplace(index, std::move(line));
    for (auto next = ready_.find(written_); next != ready_.end() && !failed_; next = ready_.find(written_)) {
      const std::string& text = next->second;
      failed_ = std::fwrite(text.data(), 1, text.size(), out_) != text.size() || std::fflush(out_) != 0;
      ready_.erase(next);
      ++written_;
    }
    room_.notify_all();
  }

  std::FILE* in_;
  std::FILE* out_;
  const tensors::InspectOptions& options_;
  std::mutex reading_;
  std::mutex writing_;
  std::condition_variable room_;
  std::map<std::size_t, std::string> ready_;
  std::size_t taken_ = 0;
  std::size_t written_ = 0;
  bool failed_ = false;
};

}  // namespace

int serve(std::FILE* in, std::FILE* out, const tensors::InspectOptions& options) {
  return Server(in, out, options).run();
}

}  // namespace redflag::inspect
