// The order of things: defaults, then the file, then what the environment adds where the file is silent, then
// the checks that concern more than one key.
#include "daemon/config/config_parser.h"

#include "daemon/config/completion.h"
#include "daemon/config/reader.h"

namespace redflag::daemon {

using settings::Node;

ConfigResult parse_config(std::string text, std::string name, const ConfigContext& context) {
  constexpr std::size_t kEnough = 100;
  Config config;
  config.file = name;
  ConfigDiagnostics found;
  settings::set_defaults(settings::schema(), &config);
  settings::SourceText source(std::move(name), std::move(text));
  const settings::NodePtr root = settings::read_yaml(source, found);
  if (root && root->type == Node::Type::map) {
    settings::SectionReader(source, found, context, config.origins)
        .read(settings::schema(), *root, &config, "");
  } else if (root && root->type != Node::Type::null) {
    found.list.push_back(source.diagnose(ConfigDiagnostic::Level::error, root->place,
                                         "the configuration must be a map of sections",
                                         "begin with a section such as \"wandb:\""));
  }
  settings::complete(config, context, source, found);
  found.sort();
  if (found.list.size() > kEnough) {
    ConfigDiagnostic more;
    more.where = settings::shown(source.name());
    more.message = "there are more errors than are shown here";
    const bool failed = found.has_errors();
    found.list.resize(kEnough);
    if (!failed) more.level = ConfigDiagnostic::Level::warning;
    found.list.push_back(std::move(more));
  }
  if (found.has_errors()) return tl::unexpected<ConfigDiagnostics>(std::move(found));
  return ParsedConfig{std::move(config), std::move(found)};
}

}  // namespace redflag::daemon
