#include "daemon/forward/arguments.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace redflag::forward {
namespace {

std::optional<std::uint64_t> number_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

tl::unexpected<Error> mistake(std::string what) {
  return fail(ErrorCode::invalid_input, "reading the command line", std::move(what),
              "redflag-forward --help lists what it understands");
}

Result<std::uint64_t> number_option(std::string_view name, std::string_view text, std::uint64_t lowest,
                                    std::uint64_t highest) {
  const auto value = number_from(text);
  if (!value || *value < lowest || *value > highest)
    return mistake(
        fmt::format("{} takes a whole number from {} to {}, not \"{}\"", name, lowest, highest, text));
  return *value;
}

Result<std::vector<std::int64_t>> ids_option(std::string_view text) {
  std::vector<std::int64_t> ids;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto id = number_from(text.substr(0, comma));
    if (!id || *id > 100'000'000 || ids.size() == kMaxIds)
      return mistake(fmt::format("--ids takes 1 to {} token ids separated by commas", kMaxIds));
    ids.push_back(static_cast<std::int64_t>(*id));
    if (comma == text.size()) return ids;
    text.remove_prefix(comma + 1);
  }
}

Result<void> set_number(Arguments& out, std::string_view name, std::string_view value) {
  std::uint64_t highest = 1ULL << 50;
  if (name == "--threads") highest = 64;
  if (name == "--rows") highest = 1ULL << 20;
  const Result<std::uint64_t> number = number_option(name, value, 1, highest);
  if (!number) return tl::unexpected<Error>(number.error());
  if (name == "--memory") out.memory_bytes = *number;
  if (name == "--threads") out.threads = static_cast<int>(*number);
  if (name == "--cpu-seconds") out.cpu_seconds = *number;
  if (name == "--rows") out.rows = static_cast<std::int64_t>(*number);
  return {};
}

/// Which commands know an option; "" = none does.
std::string_view commands_with(std::string_view option) {
  if (option == "--memory" || option == "--threads" || option == "--cpu-seconds")
    return "logits script drift";
  if (option == "--ids") return "logits script";
  if (option == "--compare") return "logits";
  if (option == "--base") return "logits drift";
  if (option == "--previous" || option == "--rows") return "drift";
  return "";
}

Result<void> set_option(Arguments& out, std::string_view name, std::string_view value) {
  if (name == "--base") {
    out.base = value;
  } else if (name == "--previous") {
    out.previous = value;
  } else if (name == "--compare") {
    out.compare = value;
  } else if (name == "--ids") {
    Result<std::vector<std::int64_t>> ids = ids_option(value);
    if (!ids) return tl::unexpected<Error>(std::move(ids.error()));
    out.ids = std::move(*ids);
  } else {
    return set_number(out, name, value);
  }
  return {};
}

std::optional<Command> command_from(std::string_view name) {
  if (name == "logits") return Command::logits;
  if (name == "script") return Command::script;
  if (name == "drift") return Command::drift;
  return std::nullopt;
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string_view>& arguments) {
  Arguments out;
  if (arguments.empty()) return mistake("no command is given");
  const std::string_view name = arguments[0];
  if (name == "--help" || name == "-h" || name == "help") return out;
  if (name == "--version") {
    out.command = Command::version;
    return out;
  }
  const auto command = command_from(name);
  if (!command) return mistake(fmt::format("there is no command \"{}\"", name));
  out.command = *command;

  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      if (!out.path.empty()) return mistake(fmt::format("one path is enough, \"{}\" is another", word));
      out.path = word;
      continue;
    }
    if (commands_with(word).find(name) == std::string_view::npos)
      return mistake(fmt::format("{} has no option \"{}\"", name, word));
    if (i + 1 == arguments.size()) return mistake(fmt::format("{} needs a value", word));
    if (const Result<void> set = set_option(out, word, arguments[++i]); !set)
      return tl::unexpected<Error>(set.error());
  }
  if (out.path.empty())
    return mistake(fmt::format("{} needs a {}", name, out.command == Command::script ? "file" : "directory"));
  return out;
}

std::string_view usage() {
  return R"(usage: redflag-forward COMMAND PATH [OPTIONS]

  logits DIR    run the model of a checkpoint, final model or adapter on a fixed input, twice from each format
      --ids 1,2,3,4,5     token ids to feed
      --base DIR          base model of an adapter
      --compare FILE      JSON of an earlier run of this command: are the logits still the same?
  script FILE   run a TorchScript archive
      --ids 1,2,3,4,5     token ids to feed
  drift DIR     compare representations layer_K.pt of a step with the base model's and with the step before
      --base DIR          the base model's representations
      --previous DIR      the earlier step (otherwise the nearest one beside DIR; "none": do not compare)
      --rows 4096         rows of a layer that are looked at, evenly spaced

  --memory BYTES (4294967296), --threads N (1), --cpu-seconds N (no limit)

Prints one JSON object. Exit code: 0 it could say something (see "status"), 3 usage.
)";
}

}  // namespace redflag::forward
