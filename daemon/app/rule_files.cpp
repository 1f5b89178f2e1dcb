#include "daemon/app/rule_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/config/suggest.h"
#include "rules/packs/packs.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> files_in(const std::string& directory) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    const bool yaml = path.extension() == ".yaml" || path.extension() == ".yml";
    const bool hidden = path.filename().string().starts_with('.');
    if (yaml && !hidden && !is_rule_test_file(path.string())) found.push_back(path);
  }
  if (error) {
    return fail(ErrorCode::not_found, "reading the rules directory " + directory, error.message(),
                "create it, or leave rules.directory out");
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

bool is_rule_test_file(const std::string& path) {
  const fs::path file(path);
  const bool yaml = file.extension() == ".yaml" || file.extension() == ".yml";
  return yaml && file.stem().string().ends_with("_test");
}

Result<std::string> read_yaml_file(const std::string& path, std::string_view what) {
  const std::string doing = fmt::format("reading the {} {}", what, path);
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return fail(ErrorCode::not_found, doing, error.message());
  if (size > kLargestRuleFile) return fail(ErrorCode::too_large, doing, "larger than 256 KiB; split it");
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return fail(ErrorCode::denied, doing, "cannot be opened",
                "make it readable for the user that redflagd runs as");
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

Result<RuleSource> read_rule_file(const std::string& path) {
  Result<std::string> text = read_yaml_file(path, "rule file");
  if (!text) return tl::unexpected<Error>(std::move(text.error()));
  return RuleSource{path, std::move(*text), fs::path(path).stem().string()};
}

std::vector<std::string> shipped_pack_names() {
  std::vector<std::string> names;
  for (const RuleSource& source : shipped_packs()) names.push_back(source.pack);
  return names;
}

LoadOptions rule_options(const MetricNames& names) {
  LoadOptions options;
  options.canonical = [&names](std::string_view name) {
    const MetricMeaning& meaning = names.lookup(name);
    return meaning.ignored ? std::string(name) : meaning.canonical;
  };
  options.include = [](const std::string& from, const std::string& name) -> Result<RuleSource> {
    // A name with a suffix is a file beside the one that names it.
    const fs::path path(name);
    if (path.extension() != ".yaml" && path.extension() != ".yml") return shipped_pack(name);
    return read_rule_file(path.is_absolute() ? name : (fs::path(from).parent_path() / path).string());
  };
  for (const MetricAlias& alias : default_metric_aliases()) options.known_names.push_back(alias.canonical);
  return options;
}

Result<std::vector<RuleSource>> rule_sources(const RuleFiles& wanted) {
  std::vector<RuleSource> sources;
  for (const std::string& pack : wanted.packs) {
    Result<RuleSource> found = shipped_pack(pack);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    sources.push_back(std::move(*found));
  }
  std::vector<fs::path> paths;
  if (!wanted.directory.empty()) {
    Result<std::vector<fs::path>> found = files_in(wanted.directory);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    paths = std::move(*found);
  }
  paths.insert(paths.end(), wanted.files.begin(), wanted.files.end());
  for (const fs::path& path : paths) {
    Result<RuleSource> source = read_rule_file(path.string());
    if (!source) return tl::unexpected<Error>(std::move(source.error()));
    sources.push_back(std::move(*source));
  }
  return sources;
}

Result<std::shared_ptr<const RuleSet>> load_rules(const RuleFiles& wanted, const MetricNames& names) {
  Result<std::vector<RuleSource>> sources = rule_sources(wanted);
  if (!sources) return tl::unexpected<Error>(std::move(sources.error()));
  return RuleSet::load(*sources, rule_options(names));
}

}  // namespace redflag::daemon
