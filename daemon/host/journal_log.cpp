// The kernel's part of the journal, by journalctl as a child: for users who may read the journal (group
// systemd-journal or adm) but not /dev/kmsg.
#include <utility>

#include "daemon/host/kernel_log.h"
#include "daemon/host/kernel_text.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMostAtOnce = 256;
constexpr std::size_t kLongestLine = std::size_t{1} << 20;

class Journal final : public KernelLog {
 public:
  Journal(ProcessLauncher& launcher, std::string boot, std::string program)
      : launcher_(launcher), boot_(std::move(boot)), program_(std::move(program)) {}

  asio::awaitable<Result<void>> open(std::string position) override {
    child_.reset();
    text_.clear();
    SpawnOptions options;
    options.program = program_;
    options.arguments = {"--dmesg",       "--follow",
                         "--output=json", "--quiet",
                         "--no-pager",    "--output-fields=MESSAGE,SYSLOG_FACILITY,_TRANSPORT,_BOOT_ID"};
    const std::string kept = "journal " + boot_ + " ";
    position_.clear();
    // At the very first start the last line is read for its cursor alone.
    pass_over_ = !position.starts_with("journal ");
    if (!boot_.empty() && position.starts_with(kept) && position.size() > kept.size()) {
      position_ = position.substr(kept.size());
      options.arguments.push_back("--after-cursor=" + position_);
      options.arguments.push_back("--lines=all");
    } else {
      options.arguments.push_back(pass_over_ ? "--lines=1" : "--lines=all");
    }
    options.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    options.gives_way = true;
    Result<std::unique_ptr<Process>> child = launcher_.launch(std::move(options));
    if (!child) co_return tl::unexpected<Error>(std::move(child.error()));
    child_ = std::move(*child);
    child_->close_input();
    co_return Result<void>{};
  }

  asio::awaitable<Result<KernelLines>> next() override {
    KernelLines out;
    if (!child_) co_return fail(ErrorCode::unavailable, "following the journal", "it is not open");
    for (;;) {
      std::size_t begin = 0;
      while (out.lines.size() < kMostAtOnce) {
        const std::size_t end = text_.find('\n', begin);
        if (end == std::string::npos) break;
        take(std::string_view(text_).substr(begin, end - begin), out);
        begin = end + 1;
      }
      const bool took = begin > 0;
      text_.erase(0, begin);
      if (text_.size() > kLongestLine && text_.find('\n') == std::string::npos) text_.clear();
      if (took) co_return out;
      const bool more = co_await child_->read(text_);
      if (more) continue;
      const ProcessEnd end = co_await child_->ended();
      const std::string words = child_->last_words();
      child_.reset();
      co_return fail(ErrorCode::unavailable, "following the journal",
                     words.empty() ? "journalctl ended with " + end.text() : words, {}, true);
    }
  }

  std::string position() const override { return "journal " + boot_ + " " + position_; }
  std::string_view name() const override { return "journal"; }

 private:
  void take(std::string_view line, KernelLines& out) {
    std::optional<JournalRecord> one = parse_journal(line);
    if (!one) return;
    position_ = std::move(one->cursor);
    if (std::exchange(pass_over_, false)) return;
    if (!one->from_kernel || std::holds_alternative<std::monostate>(read_kernel_text(one->text))) return;
    out.lines.push_back({std::move(one->text), one->time});
  }

  ProcessLauncher& launcher_;
  std::string boot_;
  std::string program_;
  std::unique_ptr<Process> child_;
  std::string text_;
  std::string position_;
  bool pass_over_ = false;
};

}  // namespace

std::unique_ptr<KernelLog> make_journal(ProcessLauncher& launcher, std::string boot, std::string program) {
  return std::make_unique<Journal>(launcher, std::move(boot), std::move(program));
}

}  // namespace redflag::daemon
