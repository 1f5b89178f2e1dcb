#include "daemon/follow/tailed_file.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/runs/json_text.h"

namespace redflag::daemon::follow {
namespace {

using nlohmann::json;

}  // namespace

TailedFile::TailedFile(LocalPlace place, std::string path, const local::LogPatterns& patterns)
    : place_(std::move(place)), path_(std::move(path)), patterns_(patterns) {}

void TailedFile::make_reader(std::uint64_t resume_at) {
  const local::EventSink sink = [this](local::LocalEvent& event) {
    if (std::holds_alternative<local::LogMatch>(event.what)) ++matches_;
    if (const auto* trouble = std::get_if<local::Trouble>(&event.what);
        trouble != nullptr && trouble->kind == local::Trouble::Kind::not_this)
      stopped_ = true;
    if (events_ != nullptr && base_ + event.offset >= skip_below_) events_->push_back(event);
  };
  switch (place_.kind) {
    case LocalKind::none:
      return;
    case LocalKind::wandb:
      reader_ = std::make_unique<local::WandbFileReader>(sink, resume_at);
      return;
    case LocalKind::tensorboard:
      reader_ = std::make_unique<local::TfeventsReader>(sink, place_.prefix, resume_at);
      return;
    case LocalKind::console: {
      // What a line means depends on those before it (bars, tracebacks). Where that was not kept, the log is
      // read again from its beginning, in silence; one too long for that, from where it was left.
      auto console =
          std::make_unique<local::ConsoleReader>(sink, local::ConsoleOptions{&patterns_, true, true});
      const bool kept = !resume_text_.empty() && console->restore(resume_at, resume_text_);
      resumed_ = kept;
      skip_below_ = resume_at;
      base_ = !kept && resume_at > kMostReread ? resume_at : 0;
      reader_ = std::move(console);
      return;
    }
    case LocalKind::trainer_state: {
      auto state = std::make_unique<local::TrainerStateReader>(sink);
      if (!resume_text_.empty()) state->restore(resume_text_);
      reader_ = std::move(state);
      return;
    }
    case LocalKind::json_lines:
      reader_ = std::make_unique<local::JsonLinesReader>(
          sink, resume_at, resume_text_.empty() ? 0 : std::strtoull(resume_text_.c_str(), nullptr, 10));
      return;
  }
}

std::uint64_t TailedFile::next_offset() const {
  return base_ + std::visit(
                     [](const auto& reader) -> std::uint64_t {
                       if constexpr (requires { reader->next_offset(); }) {
                         return reader->next_offset();
                       } else {
                         return 0;
                       }
                     },
                     reader_);
}

void TailedFile::feed(std::string_view bytes) {
  std::visit(
      [bytes](auto& reader) {
        if constexpr (requires { reader->feed(bytes); }) reader->feed(bytes);
      },
      reader_);
}

void TailedFile::read_state(FileSystem& files, ReadResult& result) {
  auto& reader = std::get<std::unique_ptr<local::TrainerStateReader>>(reader_);
  at_end_ = true;
  if (stat_.size > kMostStateBytes) {
    result.trouble = "larger than 64 MiB";
    return;
  }
  auto text = files.read(path_, 0, static_cast<std::size_t>(stat_.size));
  if (!text) {
    result.trouble = text.error().what;
    return;
  }
  result.grew = true;
  const auto outcome = reader->read(*text);
  if (outcome != local::TrainerStateReader::Outcome::not_this) return;
  result.trouble = reader->reason();
}

/// From where to read what `stat` says: nullopt for what is read as a whole.
std::optional<std::uint64_t> TailedFile::begin_at(const FileStat& stat, ReadResult& result) {
  if (std::holds_alternative<std::monostate>(reader_)) make_reader(resume_at_);
  const bool whole = place_.kind == LocalKind::trainer_state;
  const bool other = known_ && (stat.inode != stat_.inode || stat.device != stat_.device);
  if (!whole && (other || stat.size < next_offset())) {
    // Replaced, rotated or cut. What was told stays told; who tells it again is held against that.
    result.began_anew = true;
    resume_text_.clear();
    base_ = skip_below_ = 0;
    make_reader(0);
  }
  changed_ = !known_ || other || stat.size != stat_.size || stat.modified != stat_.modified;
  stat_ = stat;
  known_ = true;
  const bool grew = !whole && next_offset() < stat.size;
  return grew ? std::optional(next_offset()) : std::nullopt;
}

ReadResult TailedFile::read(FileSystem& files, std::vector<local::LocalEvent>& events) {
  ReadResult result;
  if (stopped_) return result;
  const auto lost = [&](const Error& error) {
    at_end_ = true;
    if (error.code != ErrorCode::not_found) result.trouble = error.what;
    stat_.type = FileType::other;  // whatever takes its place is looked at first
    return result;
  };
  if (stat_.type != FileType::regular) {  // nothing else is opened
    const auto seen = files.stat(path_);
    if (!seen) return lost(seen.error());
    if (seen->type != FileType::regular) {
      at_end_ = stopped_ = true;
      result.trouble = "not a regular file";
      return result;
    }
  }
  events_ = &events;
  const auto piece = files.look_and_read(
      path_, [&](const FileStat& stat) { return begin_at(stat, result); }, kPiece);
  if (!piece) {
    events_ = nullptr;
    return lost(piece.error());
  }
  if (place_.kind == LocalKind::trainer_state) {
    if (changed_) read_state(files, result);
    at_end_ = true;
    events_ = nullptr;
    return result;
  }
  if (!piece->bytes.empty()) {
    const std::size_t before = matches_;
    feed(piece->bytes);
    result.grew = true;
    result.quiet_lines = matches_ == before && piece->bytes.find('\n') != std::string::npos;
  }
  if (std::exchange(resumed_, false)) result.grew = true;
  at_end_ = piece->bytes.empty() || next_offset() >= stat_.size;
  events_ = nullptr;
  result.more = !at_end_ && !stopped_;
  return result;
}

void TailedFile::flush(std::vector<local::LocalEvent>& events) {
  events_ = &events;
  std::visit(
      [](auto& reader) {
        if constexpr (requires { reader->flush(); }) reader->flush();
      },
      reader_);
  events_ = nullptr;
}

local::LastWords TailedFile::last_words(std::optional<int> exit_code) {
  const auto* console = std::get_if<std::unique_ptr<local::ConsoleReader>>(&reader_);
  return console == nullptr ? local::LastWords{} : (*console)->last_words(exit_code);
}

bool TailedFile::finished() const {
  const auto* state = std::get_if<std::unique_ptr<local::TrainerStateReader>>(&reader_);
  return state != nullptr && (*state)->state().finished();
}

std::string TailedFile::position() const {
  std::uint64_t cursor = resume_at_;
  std::string text = resume_text_;
  std::visit(
      [&](const auto& reader) {
        if constexpr (requires { reader->cursor(); })
          cursor = std::max(base_ + reader->cursor(), skip_below_);
        if constexpr (requires { reader->serialize(); }) {
          text = reader->serialize();
        } else if constexpr (requires { reader->lines(); }) {
          text = std::to_string(reader->lines());
        }
      },
      reader_);
  return fmt::format(R"({{"o":{},"r":{},"i":{},"d":{},"s":{}}})", cursor, json_text(text), stat_.inode,
                     stat_.device, stopped_);
}

bool TailedFile::restore(const json& kept) {
  if (!kept.is_object() || !kept.contains("o") || !kept["o"].is_number_unsigned() ||
      !kept.value("r", json()).is_string() || !kept.value("i", json()).is_number_unsigned() ||
      !kept.value("d", json()).is_number_unsigned())
    return false;
  resume_at_ = kept["o"].get<std::uint64_t>();
  resume_text_ = kept["r"].get<std::string>();
  stat_.inode = kept["i"].get<std::uint64_t>();
  stat_.device = kept["d"].get<std::uint64_t>();
  stat_.size = resume_at_;
  stopped_ = kept.value("s", false);
  known_ = true;
  return true;
}

}  // namespace redflag::daemon::follow
