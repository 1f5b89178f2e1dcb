#include "daemon/app/arguments.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "daemon/config/suggest.h"

namespace redflag::daemon {
namespace {

tl::unexpected<Error> usage(const CommandSpec& spec, std::string what) {
  return fail(ErrorCode::invalid_input, spec.name, std::move(what), "see --help");
}

}  // namespace

std::string Arguments::value(std::string_view option, std::string fallback) const {
  const auto found = values_.find(std::string(option));
  return found == values_.end() ? std::move(fallback) : found->second;
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  std::vector<std::string> all;
  for (const auto& [name, value] : given_) {
    if (name == option) all.push_back(value);
  }
  return all;
}

Result<double> Arguments::number(std::string_view option, double fallback, double low, double high) const {
  const auto found = values_.find(std::string(option));
  if (found == values_.end()) return fallback;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  if (end == found->second.c_str() || *end != '\0' || !(value >= low && value <= high)) {
    return fail(ErrorCode::invalid_input, fmt::format("--{}", option),
                fmt::format("\"{}\" is not a number from {} to {}", found->second, low, high));
  }
  return value;
}

Result<Arguments> Arguments::parse(const CommandSpec& spec, const std::vector<std::string>& words) {
  Arguments result;
  std::vector<std::string_view> known{"help", "version"};
  for (const OptionSpec& option : spec.options) known.push_back(option.name);
  bool options_over = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (options_over || word == "-" || !word.starts_with('-')) {
      result.operands_.push_back(word);
      continue;
    }
    if (word == "--") {
      options_over = true;
      continue;
    }
    if (word == "-h") {
      result.values_["help"] = "";
      continue;
    }
    const auto equals = word.find('=');
    const std::string name =
        word.starts_with("--") ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : word;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string_view meant = settings::nearest(name, known);
      return usage(spec,
                   fmt::format("unknown option {}{}", word.substr(0, equals),
                               meant.empty() ? std::string() : fmt::format("; did you mean --{}?", meant)));
    }
    const auto option = std::find_if(spec.options.begin(), spec.options.end(),
                                     [&](const OptionSpec& o) { return o.name == name; });
    const bool wants_value = option != spec.options.end() && !option->argument.empty();
    if (!wants_value) {
      if (equals != std::string::npos) return usage(spec, fmt::format("--{} takes no value", name));
      result.values_[name] = "";
    } else if (equals != std::string::npos) {
      result.values_[name] = word.substr(equals + 1);
    } else if (i + 1 < words.size()) {
      result.values_[name] = words[++i];
    } else {
      return usage(spec, fmt::format("--{} needs a value: --{} {}", name, name, option->argument));
    }
    if (wants_value) result.given_.emplace_back(name, result.values_[name]);
  }
  const bool asks = result.has("help") || result.has("version");
  if (!asks && spec.operands.empty() && !result.operands_.empty()) {
    return usage(spec, fmt::format("unexpected argument \"{}\"", result.operands_.front()));
  }
  return result;
}

std::optional<int> usage_answer(std::string_view program, const CommandSpec& spec,
                                const Result<Arguments>& arguments) {
  if (!arguments) {
    fmt::print(stderr, "{} {}\n", program, arguments.error().text());
    return 2;
  }
  if (arguments->has("help")) {
    fmt::print("{}", help_text(program, spec));
    return 0;
  }
  return std::nullopt;
}

std::string help_text(std::string_view program, const CommandSpec& spec) {
  std::string text =
      fmt::format("usage: {}{}{}{}{}\n\n{}\n", program, spec.name.empty() ? "" : " " + spec.name,
                  spec.options.empty() ? "" : " [OPTIONS]", spec.operands.empty() ? "" : " ", spec.operands,
                  spec.summary);
  if (!spec.options.empty()) {
    text += "\noptions:\n";
    for (const OptionSpec& option : spec.options) {
      const std::string left = "--" + option.name + (option.argument.empty() ? "" : " " + option.argument);
      // One that is too long has its help below, in the same column as the others'.
      if (left.size() > 22) text += fmt::format("  {}\n  {:<22} {}\n", left, "", option.help);
      if (left.size() <= 22) text += fmt::format("  {:<22} {}\n", left, option.help);
    }
  }
  if (!spec.details.empty()) text += "\n" + spec.details + "\n";
  return text;
}

}  // namespace redflag::daemon
