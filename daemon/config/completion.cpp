// The environment's part of the configuration, and checks across keys.
#include "daemon/config/completion.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "alerts/matcher.h"
#include "daemon/config/listen_address.h"
#include "daemon/config/mask.h"
#include "daemon/config/receiver_checks.h"
#include "daemon/config/suggest.h"
#include "daemon/config/value_reader.h"

namespace redflag::daemon::settings {
namespace {

using Level = ConfigDiagnostic::Level;

class Completion {
 public:
  Completion(Config& config, const ConfigContext& context, const SourceText& source, ConfigDiagnostics& found)
      : config_(config), context_(context), source_(source), found_(found) {}

  void run() {
    base_url();
    projects();
    receivers();
    routes();
    state_directory();
    local_api();
    page();
    metrics_port();
    proxies();
    cross_checks();
    if (!found_.has_errors()) nothing_to_watch();
  }

 private:
  bool in_file(std::string_view path) const { return config_.origins.find(path) != config_.origins.end(); }

  void from_variable(const std::string& path, std::string_view name) {
    config_.origins[path] = {SettingOrigin::Kind::environment, std::string(name), 0, 0};
  }

  /// At the place where the file sets `path`; for a path that it does not set, about the file as a whole.
  void report(Level level, std::string_view path, std::string message, std::string help = {}) {
    const auto origin = config_.origins.find(path);
    if (origin == config_.origins.end() || origin->second.line == 0) {
      ConfigDiagnostic diagnostic;
      diagnostic.level = level;
      diagnostic.where = source_.name().empty() ? "configuration" : shown(source_.name());
      diagnostic.message = std::move(message);
      diagnostic.help = std::move(help);
      found_.list.push_back(std::move(diagnostic));
      return;
    }
    Place place{origin->second.line - 1, 0, 1};
    const std::string_view line = source_.line(place.line);
    for (std::size_t column = 1; column < origin->second.column && place.byte < line.size(); ++column)
      place.byte += std::max<std::size_t>(utf8_length(line, place.byte), 1);
    place.length = std::min(line.find_first_of(" \t,:]}#", place.byte), line.size()) - place.byte;
    found_.list.push_back(source_.diagnose(level, place, std::move(message), std::move(help)));
  }

  void report_variable(Level level, std::string_view name, std::string message, std::string help = {}) {
    ConfigDiagnostic diagnostic;
    diagnostic.level = level;
    diagnostic.where = fmt::format("environment variable {}", name);
    diagnostic.message = std::move(message);
    diagnostic.help = std::move(help);
    found_.list.push_back(std::move(diagnostic));
  }

  /// The variable's value when it is one that the key accepts; otherwise says so and gives an empty text.
  std::string checked_variable(const Section& section, std::string_view key_name, std::string_view name) {
    const std::string text = variable(context_.env, name);
    const Key* key = section.find(key_name);
    if (text.empty() || key == nullptr) return {};
    ValueReader reader(source_, found_, context_);
    Parsed<Value> value = reader.check(*key, text, true);
    if (!value) {
      report_variable(Level::error, name, value.error().problem, value.error().help);
      return {};
    }
    const std::string* read = std::get_if<std::string>(&*value);
    return read == nullptr ? std::string() : *read;
  }

  const Section& section(std::string_view name) const { return *schema().find(name)->section; }

  void base_url() {
    if (in_file("wandb.base_url")) return;
    std::string url = checked_variable(section("wandb"), "base_url", "WANDB_BASE_URL");
    if (url.empty()) return;
    config_.wandb.base_url = std::move(url);
    from_variable("wandb.base_url", "WANDB_BASE_URL");
  }

  /// W&B's rule for names; it also keeps them safe in paths and messages.
  static std::string name_problem(std::string_view name) {
    if (name.size() > 128) return "is longer than 128 characters";
    if (name.find_first_of("/\\#?%:") != std::string_view::npos)
      return "must not have any of / \\ # ? % : in it";
    return {};
  }

  void projects() {
    const Section& project = *section("wandb").find("projects")->section;
    const std::string entity = checked_variable(project, "entity", "WANDB_ENTITY");
    if (!in_file("wandb.projects")) {
      std::string name = checked_variable(project, "project", "WANDB_PROJECT");
      if (name.empty()) return;
      ProjectConfig only;
      only.entity = entity;
      // The SDK itself takes "entity/project" here.
      if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
        only.entity = name.substr(0, slash);
        name.erase(0, slash + 1);
      }
      if (only.entity.empty()) {
        report_variable(Level::warning, "WANDB_PROJECT", "is not used, because WANDB_ENTITY is not set",
                        "set WANDB_ENTITY, or write wandb.projects: [entity/project] into the configuration");
        return;
      }
      only.project = std::move(name);
      for (const std::string& part : {only.entity, only.project}) {
        if (const std::string problem = part.empty() ? "has an empty part" : name_problem(part);
            !problem.empty()) {
          report_variable(Level::error, "WANDB_PROJECT", problem);
          return;
        }
      }
      config_.wandb.projects.push_back(std::move(only));
      from_variable("wandb.projects", "WANDB_PROJECT");
      from_variable("wandb.projects[0].entity", "WANDB_ENTITY");
      from_variable("wandb.projects[0].project", "WANDB_PROJECT");
    }
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < config_.wandb.projects.size(); ++i) {
      ProjectConfig& each = config_.wandb.projects[i];
      const std::string path = fmt::format("wandb.projects[{}]", i);
      if (!in_file(path + ".runs")) each.runs = config_.wandb.runs;
      if (each.entity.empty() && in_file(path + ".project")) {
        each.entity = entity;
        if (!entity.empty()) from_variable(path + ".entity", "WANDB_ENTITY");
        if (entity.empty())
          report(Level::error, path, fmt::format("{} lacks its entity", path),
                 "write it as entity/project, or set WANDB_ENTITY");
      }
      for (const auto& [key, name] : {std::pair{".entity", &each.entity}, {".project", &each.project}}) {
        if (const std::string problem = name_problem(*name); !problem.empty())
          report(Level::error, path + key, fmt::format("{}{} {}", path, key, problem),
                 "write it as entity/project");
      }
      const auto [before, fresh] = seen.emplace(each.entity + "/" + each.project, i);
      if (!fresh && !each.project.empty())
        report(Level::error, path,
               fmt::format("{} is the same project as wandb.projects[{}]", path, before->second),
               "remove one of the two");
    }
  }

  void receivers() {
    const Section& receiver = *section("alerts").find("receivers")->section;
    auto& all = config_.alerts.receivers;
    if (!in_file("alerts.receivers")) {
      const auto add = [&](ReceiverType type) {
        ReceiverConfig each;
        set_defaults(receiver, &each);
        each.type = type;
        all.push_back(std::move(each));
      };
      add(ReceiverType::log);
      const bool in_variable = !variable(context_.env, "REDFLAG_SLACK_WEBHOOK").empty();
      if (context_.slack_credential || in_variable) {
        add(ReceiverType::slack);
        from_variable("alerts.receivers[1]",
                      context_.slack_credential ? "CREDENTIALS_DIRECTORY" : "REDFLAG_SLACK_WEBHOOK");
      }
    }
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string path = fmt::format("alerts.receivers[{}]", i);
      if (all[i].name.empty()) all[i].name = to_string(all[i].type);
      // An info (one bad batch, one slow step in ten) is worth a line in the log, and nobody's evening.
      if (all[i].type != ReceiverType::log && !in_file(path + ".min_severity"))
        all[i].min_severity = Severity::warning;
      for (ReceiverProblem& problem : receiver_problems(all[i])) {
        const std::string key = path + "." + problem.key;
        report(Level::error, in_file(key) ? key : path, fmt::format("{} {}", key, problem.what),
               std::move(problem.help));
      }
      const auto [before, fresh] = seen.emplace(all[i].name, i);
      if (fresh) continue;
      report(Level::error, in_file(path + ".name") ? path + ".name" : path,
             fmt::format("{} has the same name as alerts.receivers[{}]: {}", path, before->second,
                         in_quotes(all[i].name)),
             "give each a \"name\" of its own");
    }
  }

  void check_matchers(const std::string& path, const std::vector<std::string>& matchers) {
    for (std::size_t i = 0; i < matchers.size(); ++i) {
      const auto parsed = redflag::alerts::parse_matcher(matchers[i]);
      if (!parsed)
        report(Level::error, fmt::format("{}[{}]", path, i), parsed.error().what, parsed.error().advice);
    }
  }

  void routes() {
    const AlertsConfig& alerts = config_.alerts;
    std::vector<std::string_view> names;
    for (const ReceiverConfig& receiver : alerts.receivers) names.push_back(receiver.name);
    for (std::size_t i = 0; i < alerts.routes.size(); ++i) {
      const std::string path = fmt::format("alerts.routes[{}]", i);
      check_matchers(path + ".match", alerts.routes[i].match);
      for (const std::string& receiver : alerts.routes[i].receivers) {
        if (std::find(names.begin(), names.end(), receiver) != names.end()) continue;
        const std::string_view meant = nearest(receiver, names);
        report(Level::error, path + ".receivers", fmt::format("there is no receiver {}", in_quotes(receiver)),
               meant.empty() ? fmt::format("receivers are {}", fmt::join(names, ", "))
                             : fmt::format("did you mean \"{}\"?", meant));
      }
    }
    for (std::size_t i = 0; i < alerts.inhibitions.size(); ++i) {
      const std::string path = fmt::format("alerts.inhibitions[{}]", i);
      check_matchers(path + ".source", alerts.inhibitions[i].source);
      check_matchers(path + ".target", alerts.inhibitions[i].target);
      if (alerts.inhibitions[i].source.empty() || alerts.inhibitions[i].target.empty()) {
        report(Level::error, path, path + " needs both a source and a target",
               "write {source: [rule=run-failed], target: [rule=run-silent]}");
      }
      for (const std::string& label : alerts.inhibitions[i].equal) {
        const auto known = redflag::alerts::parse_matcher(label + "=x");
        if (label != "severity" && !known)
          report(Level::error, path + ".equal", known.error().what, known.error().advice);
      }
    }
    const std::string& at = alerts.digest_at;
    const auto digit = [&](std::size_t i) { return at[i] >= '0' && at[i] <= '9'; };
    const bool time_of_day = at.size() == 5 && at[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4) &&
                             at.substr(0, 2) < "24" && at[3] < '6';
    if (!at.empty() && !time_of_day) {
      report(Level::error, "alerts.digest_at",
             fmt::format("alerts.digest_at: {} is not a time of day", in_quotes(at)),
             "write \"08:00\" (UTC)");
    }
  }

  void state_directory() {
    std::string& directory = config_.store.state_directory;
    if (!directory.empty()) return;
    std::string origin;
    directory = default_state_directory(context_, origin);
    if (!origin.empty()) from_variable("store.state_directory", origin);
    if (directory.empty())
      report(Level::error, "store.state_directory",
             "it is not known where to keep state: neither STATE_DIRECTORY nor HOME is set",
             "set store.state_directory");
  }

  void local_api() {
    ApiConfig& api = config_.api;
    if (api.socket.empty()) {
      std::string origin;
      api.socket = default_api_socket(context_, config_.store.state_directory, origin);
      if (!origin.empty()) from_variable("api.socket", origin);
    } else if (api.socket.size() > kMaxSocketPath) {
      report(Level::error, "api.socket",
             fmt::format("api.socket has {} bytes, and the system allows {} for a socket's path",
                         api.socket.size(), kMaxSocketPath),
             "choose a shorter path");
    }
    if (api.mode.empty()) api.mode = api.group.empty() ? "0600" : "0660";
    const bool octal = api.mode.find_first_not_of("01234567") == std::string::npos;
    if (!octal || api.mode.size() < 3 || api.mode.size() > 4 ||
        (api.mode.size() == 4 && api.mode[0] != '0')) {
      report(Level::error, "api.mode",
             fmt::format("api.mode must be permissions in octal, not {}", in_quotes(api.mode)),
             "write \"0600\" for redflagd's user alone, \"0660\" for a group, \"0666\" for everybody");
    } else if ((std::stoul(api.mode, nullptr, 8) & 0600U) != 0600U) {
      report(Level::error, "api.mode",
             fmt::format("api.mode {} would shut out redflagd's own user", in_quotes(api.mode)),
             "begin with 06: \"0600\", \"0660\"");
    }
  }

  void page() {
    if (!config_.page.on()) return;
    if (const Result<ListenAddress> address = parse_loopback_address(config_.page.listen); !address) {
      report(Level::error, "page.listen",
             fmt::format("page.listen: {}: {}", in_quotes(config_.page.listen), address.error().what),
             address.error().advice);
    }
  }

  void metrics_port() {
    const std::string& listen = config_.prometheus.listen;
    if (listen == "none") return;
    if (const Result<ListenAddress> read = parse_loopback_address(listen); !read)
      report(Level::error, "prometheus.listen",
             fmt::format("prometheus.listen is {}: {}", in_quotes(listen), read.error().what),
             "write an address of this machine alone, with a port: 127.0.0.1:9736, or none");
  }

  void proxies() {
    NetworkConfig& network = config_.network;
    if (network.proxy.empty()) {
      Result<ProxySettings> read = proxy_from_environment(context_.env);
      if (!read) {
        report_variable(Level::error, "HTTPS_PROXY (or another *_PROXY)", read.error().text());
        return;
      }
      network.proxies = std::move(*read);
      const ProxySettings& set = network.proxies;
      if (set.https || set.http)
        from_variable("network.proxy", set.https ? set.https->origin : set.http->origin);
    } else {
      add_no_proxy(network.proxies.no_proxy, variable(context_.env, "no_proxy"));
      if (network.proxies.no_proxy.empty())
        add_no_proxy(network.proxies.no_proxy, variable(context_.env, "NO_PROXY"));
      if (network.proxy != "none") {
        Result<ProxyUrl> proxy = parse_proxy_url(network.proxy, "network.proxy");
        if (!proxy) {
          report(Level::error, "network.proxy", "network.proxy: " + proxy.error().what, proxy.error().advice);
          return;
        }
        network.proxies.http = *proxy;
        network.proxies.https = std::move(*proxy);
      }
    }
    for (const std::string& entry : network.no_proxy) add_no_proxy(network.proxies.no_proxy, entry);
  }

  void cross_checks() {
    for (const std::string& path : config_.host.disk_paths) {
      if (!path.starts_with('/'))
        report(Level::error, "host.disk_paths",
               fmt::format("host.disk_paths: {} is not an absolute path", in_quotes(path)),
               "begin it with /");
    }
    const ResultsConfig& results = config_.results;
    if (results.incomplete_after < results.settle)
      report(Level::error,
             in_file("results.incomplete_after") ? "results.incomplete_after" : "results.settle",
             "results.incomplete_after must not be shorter than results.settle");
    for (std::size_t i = 0; i < results.roots.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (results.roots[i].path.empty() || results.roots[i].path != results.roots[k].path) continue;
        report(Level::error, fmt::format("results.roots[{}]", i),
               fmt::format("results.roots[{}] is the same directory as results.roots[{}]", i, k),
               "remove one of the two");
        break;
      }
    }
  }

  void nothing_to_watch() {
    const bool local =
        config_.local.enabled && !(config_.local.directories.empty() && config_.local.logs.empty());
    if (config_.results.roots.empty() && !local && !config_.wandb.active())
      report(Level::warning, "results",
             "there is nothing to watch: neither a W&B project nor a results directory is named",
             "write wandb.projects: [entity/project] (or set WANDB_ENTITY and WANDB_PROJECT), and "
             "results.roots: [/path/to/results]");
    else if (config_.wandb.enabled && config_.wandb.projects.empty())
      report(Level::warning, "wandb", "no W&B project is named, so none is followed",
             "write wandb.projects: [entity/project], set WANDB_ENTITY and WANDB_PROJECT, or say "
             "wandb.enabled: false");
  }

  Config& config_;
  const ConfigContext& context_;
  const SourceText& source_;
  ConfigDiagnostics& found_;
};

}  // namespace

void complete(Config& config, const ConfigContext& context, const SourceText& source,
              ConfigDiagnostics& found) {
  Completion(config, context, source, found).run();
}

}  // namespace redflag::daemon::settings
