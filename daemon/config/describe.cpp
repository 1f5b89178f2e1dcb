// `redflagd --check-config`: what is in effect, and why.
#include <fmt/format.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/mask.h"
#include "daemon/config/schema.h"
#include "daemon/config/values.h"

namespace redflag::daemon {
namespace {

using settings::Key;
using settings::Kind;
using settings::Section;

class Describer {
 public:
  explicit Describer(const Config& config) : config_(config) {}

  std::string text() {
    out_ = fmt::format("# The configuration in effect. File: {}\n",
                       config_.file.empty() ? "none" : settings::shown(config_.file));
    // The walk reads only; the table's accessors are written for both directions.
    section(settings::schema(), const_cast<Config*>(&config_), "", 0);
    return std::move(out_);
  }

 private:
  std::string origin(const std::string& path) const {
    // A list item or a section that the file sets as a whole gives its keys their origin.
    for (std::string at = path; !at.empty();) {
      const auto found = config_.origins.find(at);
      if (found != config_.origins.end() &&
          (at == path || found->second.kind == SettingOrigin::Kind::environment)) {
        const SettingOrigin& from = found->second;
        if (from.kind == SettingOrigin::Kind::environment) return "from " + from.name;
        return fmt::format("line {}", from.line);
      }
      const std::size_t dot = at.find_last_of(".[");
      at = dot == std::string::npos ? std::string() : at.substr(0, dot);
    }
    return "default";
  }

  void line(std::size_t depth, std::string_view text, std::string_view comment) {
    out_ += fmt::format("{:{}}{}", "", depth * 2, text);
    if (!comment.empty()) out_ += fmt::format("  # {}", comment);
    out_ += '\n';
  }

  std::string value(const Key& key, const void* object) const {
    return settings::to_yaml(key, key.get(object));
  }

  void secret(std::size_t depth, std::string_view name, const SecretStatus& status) {
    line(depth,
         fmt::format("# {}: {}", name, status.set ? fmt::format("set (from {})", status.origin) : "not set"),
         "");
  }

  void section(const Section& table, void* object, const std::string& prefix, std::size_t depth) {
    for (const Key& key : table.keys) {
      const std::string path = prefix + std::string(key.name);
      if (key.kind == Kind::section) {
        line(depth, fmt::format("{}:", key.name), "");
        section(*key.section, key.child(object), path + ".", depth + 1);
      } else if (key.kind == Kind::section_list) {
        list(key, object, path, depth);
      } else {
        line(depth, fmt::format("{}: {}", key.name, value(key, object)), origin(path));
      }
    }
    if (object == &config_.wandb && config_.wandb.active()) secret(depth, "API key", config_.wandb_api_key);
    if (object == &config_.network) proxies(depth);
  }

  void list(const Key& key, void* object, const std::string& path, std::size_t depth) {
    const std::size_t count = key.count(object);
    line(depth, fmt::format("{}:{}", key.name, count == 0 ? " []" : ""), count == 0 ? origin(path) : "");
    for (std::size_t i = 0; i < count; ++i) {
      void* item = key.at(object, i);
      const std::string item_path = fmt::format("{}[{}]", path, i);
      const bool receivers = item_type(*key.section, item).has_value();
      const std::string type = item_type(*key.section, item).value_or("");
      std::string dash = "- ";
      for (const Key& inner : key.section->keys) {
        if (receivers && !inner.belongs(type)) continue;
        const std::string inner_path = item_path + "." + std::string(inner.name);
        if (inner.kind == Kind::section) {
          line(depth + 1, fmt::format("{}{}:", dash, inner.name), "");
          section(*inner.section, inner.child(item), inner_path + ".", depth + 3);
        } else {
          line(depth + 1, fmt::format("{}{}: {}", dash, inner.name, value(inner, item)), origin(inner_path));
        }
        dash = "  ";
      }
      if (type == "slack") {
        const auto status = config_.webhooks.find(static_cast<const ReceiverConfig*>(item)->name);
        secret(depth + 2, "webhook", status == config_.webhooks.end() ? SecretStatus{} : status->second);
      }
      if (!receivers) continue;
      const auto secrets = config_.receiver_secrets.find(static_cast<const ReceiverConfig*>(item)->name);
      if (secrets == config_.receiver_secrets.end()) continue;
      for (const auto& [label, status] : secrets->second) secret(depth + 2, label, status);
    }
  }

  static std::optional<std::string> item_type(const Section& table, const void* item) {
    const Key* type = table.find("type");
    if (type == nullptr) return std::nullopt;
    return std::get<std::string>(type->get(item));
  }

  void proxies(std::size_t depth) {
    const ProxySettings& set = config_.network.proxies;
    if (set.https)
      line(depth, fmt::format("# https goes through {} (from {})", set.https->text(), set.https->origin), "");
    if (set.http)
      line(depth, fmt::format("# http goes through {} (from {})", set.http->text(), set.http->origin), "");
    if (set.https || set.http) {
      std::string hosts;
      for (const std::string& entry : set.no_proxy)
        hosts += (hosts.empty() ? "" : ", ") + settings::shown(entry);
      line(depth, fmt::format("# reached directly: {}", hosts.empty() ? "this machine" : hosts), "");
    }
  }

  const Config& config_;
  std::string out_;
};

}  // namespace

std::string describe(const Config& config) {
  return Describer(config).text();
}

}  // namespace redflag::daemon
